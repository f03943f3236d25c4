/** Builds a page of the extension with its stand-in host and serves both on a free port. */
import { build } from 'esbuild';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { root } from '../tools/process.mjs';

const icons = join(root, 'node_modules/@vscode/codicons/dist');
const types = { '.js': 'text/javascript', '.css': 'text/css', '.ttf': 'font/ttf' };

/** The policy of the real page, but for where things come from. */
const policy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self'";

/**
 * `name`: base name of the page's files. `page` and `harness`: entry files from the root of the repository. `given`: a script
 * that runs before both.
 *
 * @param {{ name: string, page: string, harness: string, given?: string }} parts
 */
export async function servePage({ name, page, harness, given = '' }) {
  // A folder of its own for each preview, so that two can run at a time.
  const out = mkdtempSync(join(tmpdir(), 'peft-preview-'));
  await build({
    entryPoints: { [name]: join(root, page), harness: join(root, harness) },
    bundle: true,
    outdir: out,
    format: 'iife',
    target: 'chrome128',
    sourcemap: 'inline',
    logLevel: 'warning',
    loader: { '.wgsl': 'text' },
  });
  writeFileSync(join(out, 'given.js'), given);
  for (const file of ['codicon.css', 'codicon.ttf']) copyFileSync(join(icons, file), join(out, file));
  const html = shell(name);
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    answer({ out, html, pathname }, response);
  });
  await new Promise(resolve => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  const place = server.address();
  const port = typeof place === 'object' && place !== null ? place.port : 0;
  const close = () => {
    server.close();
    rmSync(out, { recursive: true, force: true });
  };
  return { address: `http://127.0.0.1:${port}`, close };
}

/** @param {string} name */
function shell(name) {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${name}</title>
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="codicon.css"><link rel="stylesheet" href="${name}.css"></head>
<body><div id="root"></div><script src="given.js"></script><script src="harness.js"></script>
<script src="${name}.js"></script></body></html>`;
}

/**
 * @param {{ out: string, html: string, pathname: string }} page
 * @param {import('node:http').ServerResponse} response
 */
function answer({ out, html, pathname }, response) {
  const file = join(out, pathname.slice(1));
  const type = types[/** @type {keyof typeof types} */ (extname(file))] ?? 'text/plain';
  if (pathname === '/') response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(html);
  else if (file.startsWith(out) && existsSync(file))
    response.writeHead(200, { 'content-type': type }).end(readFileSync(file));
  else response.writeHead(pathname === '/favicon.ico' ? 204 : 404).end();
}
