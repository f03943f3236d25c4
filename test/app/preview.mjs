/**
 * The dashboard in a plain browser, fed by generated runs.
 *
 *   node test/app/preview.mjs                                   serves it and prints the address
 *   node test/app/preview.mjs --shots DIR [--scenes a,b] [--themes dark,light] [--widths 400,1000]
 */
import { build } from 'esbuild';
import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const out = join(here, '../../out/preview');
const icons = join(here, '../../node_modules/@vscode/codicons/dist');
const types = { '.js': 'text/javascript', '.css': 'text/css', '.ttf': 'font/ttf', '.html': 'text/html; charset=utf-8' };

/** The policy of the real page, but for where things come from. */
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self'; img-src 'self' data: blob:";
const html = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Dashboard</title>
<meta http-equiv="Content-Security-Policy" content="${policy}">
<link rel="stylesheet" href="codicon.css"><link rel="stylesheet" href="dashboard.css"></head>
<body><div id="root"></div><script src="harness.js"></script><script src="dashboard.js"></script></body></html>`;

async function bundle() {
  await build({
    entryPoints: { dashboard: join(here, '../../webview/app/main.ts'), harness: join(here, 'harness.ts') },
    bundle: true,
    outdir: out,
    format: 'iife',
    target: 'chrome128',
    sourcemap: 'inline',
    logLevel: 'warning',
  });
  for (const file of ['codicon.css', 'codicon.ttf']) copyFileSync(join(icons, file), join(out, file));
}

function serve() {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost');
    const file = join(out, pathname.slice(1));
    if (pathname === '/') response.writeHead(200, { 'content-type': types['.html'] }).end(html);
    else if (file.startsWith(out) && existsSync(file))
      response.writeHead(200, { 'content-type': types[extname(file)] ?? 'text/plain' }).end(readFileSync(file));
    else response.writeHead(pathname === '/favicon.ico' ? 204 : 404).end();
  });
  return new Promise(resolve => server.listen(0, '127.0.0.1', () => resolve(server)));
}

function option(name, fallback) {
  const at = process.argv.indexOf(name);
  return at < 0 ? fallback : process.argv[at + 1].split(',');
}

async function shoot(address, folder) {
  const { chromium } = await import('playwright-core');
  mkdirSync(folder, { recursive: true });
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--headless=new', '--force-color-profile=srgb'],
  });
  let complaints = 0;
  for (const width of option('--widths', ['400', '1000', '1600']).map(Number)) {
    const page = await browser.newPage({ viewport: { width, height: 900 } });
    page.on('console', message => {
      if (!['error', 'warning'].includes(message.type())) return;
      complaints++;
      console.log(`${message.type()}: ${message.text()}`);
    });
    page.on('pageerror', error => {
      complaints++;
      console.log(`error: ${error.stack}`);
    });
    for (const scene of option('--scenes', ['running', 'overlay', 'interrupted', 'starting', 'empty'])) {
      for (const theme of option('--themes', ['dark', 'light', 'contrast'])) {
        await page.goto(`${address}/?scene=${scene}&theme=${theme}`);
        await page.waitForTimeout(350);
        await page.screenshot({ path: join(folder, `${scene}-${theme}-${width}.png`), fullPage: true });
      }
    }
    await page.close();
  }
  await browser.close();
  return complaints;
}

await bundle();
const server = await serve();
const address = `http://127.0.0.1:${server.address().port}`;
const folder = option('--shots', undefined);
if (folder === undefined) {
  console.log(`${address}/?scene=running&theme=dark   (themes: dark, light, contrast; scenes: see test/app/scenes.ts)`);
} else {
  const complaints = await shoot(address, folder[0]);
  server.close();
  console.log(`pictures in ${folder[0]}, ${complaints} complaints in the console`);
  process.exitCode = complaints === 0 ? 0 : 1;
}
