/** A Chromium with WebGPU and a small server for the bench's pages. */
import { createServer } from 'node:http';
import { join } from 'node:path';
import { build } from 'esbuild';
import { launchBrowser } from '../tools/chrome.mjs';
import { wat } from '../tools/wat.mjs';
import { benchFolder } from './peers.mjs';

/** @typedef {{ open(name: string): Promise<import('playwright-core').Page>, close(): Promise<void> }} Bench */

/**
 * Bundles the pages and starts the browser. `open` gives a fresh page with one bundle loaded.
 * @returns {Promise<Bench>}
 */
export async function openBench() {
  const scripts = await bundle(['main', 'nanogptMain']);
  const server = createServer((request, response) => {
    const script = scripts.get(request.url);
    response.setHeader('content-type', script === undefined ? 'text/html' : 'text/javascript');
    response.end(
      script ?? `<!doctype html><title>bench</title><script type="module" src="${request.url}.js"></script>`,
    );
  });
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve));
  const browser = await launchBrowser();
  const address = `http://127.0.0.1:${server.address().port}`;
  return {
    async open(name) {
      const page = await browser.newPage();
      page.setDefaultTimeout(600_000);
      page.on('pageerror', error => console.error(`bench page: ${error.message}`));
      await page.goto(`${address}/${name}`);
      await page.waitForFunction(() => 'bench' in globalThis);
      return page;
    },
    async close() {
      await browser.close();
      server.close();
    },
  };
}

async function bundle(names) {
  const result = await build({
    entryPoints: names.map(name => join(benchFolder, 'page', `${name}.mjs`)),
    bundle: true,
    write: false,
    outdir: '/',
    format: 'esm',
    platform: 'browser',
    target: 'chrome128',
    loader: { '.wgsl': 'text' },
    plugins: [wat],
    logLevel: 'error',
  });
  return new Map(result.outputFiles.map(file => [file.path, file.text]));
}
