/**
 * The dashboard in a plain browser, fed by generated runs.
 *
 *   node test/app/preview.mjs                                   serves it and prints the address
 *   node test/app/preview.mjs --shots DIR [--scenes a,b] [--themes dark,light] [--widths 400,1000]
 *   … --runs FOLDER,FOLDER                                      run folders for the scene `recorded`
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { findChrome } from '../tools/setup.mjs';
import { startPreview } from './serve.mjs';

function option(name, fallback) {
  const at = process.argv.indexOf(name);
  return at < 0 ? fallback : process.argv[at + 1].split(',');
}

async function shoot(address, folder) {
  const { chromium } = await import('playwright-core');
  mkdirSync(folder, { recursive: true });
  const browser = await chromium.launch({
    executablePath: findChrome(),
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

const { address, close } = await startPreview(option('--runs', []));
const folder = option('--shots', undefined);
if (folder === undefined) {
  console.log(`${address}/?scene=running&theme=dark   (themes: dark, light, contrast; scenes: see test/app/scenes.ts)`);
} else {
  const complaints = await shoot(address, folder[0]);
  close();
  console.log(`pictures in ${folder[0]}, ${complaints} complaints in the console`);
  process.exitCode = complaints === 0 ? 0 : 1;
}
