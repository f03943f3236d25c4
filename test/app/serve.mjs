/** Builds the dashboard with its stand-in host and serves both on a free port. */
import { build } from 'esbuild';
import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { root } from '../tools/process.mjs';

/** A folder of its own for each preview, so that two can run at a time. */
const out = mkdtempSync(join(tmpdir(), 'peft-preview-'));
const icons = join(root, 'node_modules/@vscode/codicons/dist');
const types = { '.js': 'text/javascript', '.css': 'text/css', '.ttf': 'font/ttf', '.html': 'text/html; charset=utf-8' };

/** The policy of the real page, but for where things come from. */
const policy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self'";
const html = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Dashboard</title>
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="codicon.css"><link rel="stylesheet" href="dashboard.css"></head>
<body><div id="root"></div><script src="recorded.js"></script><script src="harness.js"></script><script src="dashboard.js"></script></body></html>`;

/**
 * Scenes are chosen by the query: `?scene=running&theme=dark`, see `scenes.ts` and `themes.json`. `runs`: run folders that
 * the scene `recorded` shows, the first as the main run.
 *
 * @param {readonly string[]} runs
 */
export async function startPreview(runs = []) {
  await build({
    entryPoints: { dashboard: join(root, 'webview/app/main.ts'), harness: join(root, 'test/app/harness.ts') },
    bundle: true,
    outdir: out,
    format: 'iife',
    target: 'chrome128',
    sourcemap: 'inline',
    logLevel: 'warning',
  });
  writeFileSync(join(out, 'recorded.js'), `globalThis.recordedRuns = ${JSON.stringify(runs.map(readRun))};`);
  for (const file of ['codicon.css', 'codicon.ttf']) copyFileSync(join(icons, file), join(out, file));
  const server = createServer((request, response) => answer(new URL(request.url ?? '/', 'http://localhost'), response));
  await new Promise(resolve => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  const close = () => {
    server.close();
    rmSync(out, { recursive: true, force: true });
  };
  const place = server.address();
  const port = typeof place === 'object' && place !== null ? place.port : 0;
  return { address: `http://127.0.0.1:${port}`, close };
}

/** A run as it lies on disk. @param {string} folder */
function readRun(folder) {
  const lines = readdirSync(join(folder, 'events'))
    .filter(name => name.endsWith('.jsonl'))
    .flatMap(name => readFileSync(join(folder, 'events', name), 'utf8').split('\n'));
  return { manifest: JSON.parse(readFileSync(join(folder, 'run.json'), 'utf8')), lines };
}

/** @param {URL} url @param {import('node:http').ServerResponse} response */
function answer({ pathname }, response) {
  const file = join(out, pathname.slice(1));
  const type = types[/** @type {keyof typeof types} */ (extname(file))] ?? 'text/plain';
  if (pathname === '/') response.writeHead(200, { 'content-type': types['.html'] }).end(html);
  else if (file.startsWith(out) && existsSync(file))
    response.writeHead(200, { 'content-type': type }).end(readFileSync(file));
  else response.writeHead(pathname === '/favicon.ico' ? 204 : 404).end();
}
