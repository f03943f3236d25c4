/** Builds the comparison page with its stand-in host and serves both on a free port. */
import { build } from 'esbuild';
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from '../../tools/process.mjs';

const out = join(root, 'out/preview-comparison');
const icons = join(root, 'node_modules/@vscode/codicons/dist');
const types = { '.js': 'text/javascript', '.css': 'text/css', '.ttf': 'font/ttf' };

/** The policy of the real page, but for where things come from. */
const policy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self'";
const html = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Comparison</title>
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="codicon.css"><link rel="stylesheet" href="comparison.css"></head>
<body><div id="root"></div><script src="given.js"></script><script src="harness.js"></script>
<script src="comparison.js"></script></body></html>`;

/**
 * Scenes are chosen by the query: `?scene=bakeoff&theme=dark`. With `given` every scene is the runs of that folder.
 * @param {{ folder: string, key?: string, only?: string, name: string, question: string }} [given]
 */
export async function startComparePreview(given) {
  const entry = name => join(root, 'test/app/compare', name);
  await build({
    entryPoints: { comparison: join(root, 'webview/app/compare/main.ts'), harness: entry('harness.ts') },
    bundle: true,
    outdir: out,
    format: 'iife',
    target: 'chrome128',
    sourcemap: 'inline',
    logLevel: 'warning',
  });
  mkdirSync(out, { recursive: true });
  const snapshot = given === undefined ? undefined : await readRuns(given, entry('fromRuns.ts'));
  writeFileSync(join(out, 'given.js'), `window.given = ${JSON.stringify(snapshot) ?? 'undefined'};\n`);
  for (const file of ['codicon.css', 'codicon.ttf']) copyFileSync(join(icons, file), join(out, file));
  const server = createServer((request, response) => answer(new URL(request.url ?? '/', 'http://localhost'), response));
  await new Promise(resolve => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  const place = server.address();
  const port = typeof place === 'object' && place !== null ? place.port : 0;
  return { address: `http://127.0.0.1:${port}`, close: () => server.close() };
}

async function readRuns({ folder, ...options }, entry) {
  const outfile = join(out, 'fromRuns.mjs');
  // CommonJS packages inside an ES module bundle still call `require` for node's own modules.
  const js = "import { createRequire } from 'node:module';const require = createRequire(import.meta.url);";
  const shared = { bundle: true, outfile, format: 'esm', platform: 'node', logLevel: 'warning', banner: { js } };
  await build({ entryPoints: [entry], ...shared });
  const { snapshotOf } = await import(pathToFileURL(outfile).href);
  return snapshotOf(resolve(folder), options);
}

/** @param {URL} url @param {import('node:http').ServerResponse} response */
function answer({ pathname }, response) {
  const file = join(out, pathname.slice(1));
  const type = types[/** @type {keyof typeof types} */ (extname(file))] ?? 'text/plain';
  if (pathname === '/') response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(html);
  else if (file.startsWith(out) && existsSync(file))
    response.writeHead(200, { 'content-type': type }).end(readFileSync(file));
  else response.writeHead(pathname === '/favicon.ico' ? 204 : 404).end();
}
