/**
 * `node test/lecture/pictures.mjs RUNS`: the gallery's pictures, from the run folders in RUNS that `npm run lecture` made
 * (`out/lecture/.peft/runs`): the methods side by side, the maps of AdaLoRA and WeightLoRA, and `kv-cache.svg` as a PNG.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';
import { startComparePreview } from '../app/compare/serve.mjs';
import { startPreview } from '../app/serve.mjs';
import { root } from '../tools/process.mjs';
import { findChrome } from '../tools/setup.mjs';

const methods = 'few-shot|full|bottleneck|prefix|p-tuning|p-tuning-v2|lora|adalora|qlora|weightlora|weightlora-plus';
const runs = resolve(process.argv[2] ?? 'out/lecture/.peft/runs');
const images = join(root, 'docs/images');

/** The folder of the run with this name. @param {string} name */
function folderOf(name) {
  const found = readdirSync(runs).find(
    folder => JSON.parse(readFileSync(join(runs, folder, 'run.json'), 'utf8')).name === name,
  );
  if (found === undefined) throw new Error(`${runs} holds no run named ${name}: run npm run lecture first.`);
  return join(runs, found);
}

const browser = await chromium.launch({
  executablePath: findChrome(),
  args: ['--no-sandbox', '--headless=new', '--force-color-profile=srgb'],
});

/** @param {string} url @param {(page: import('playwright-core').Page) => Promise<unknown>} take */
async function shoot(url, take) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  await page.goto(url);
  await page.waitForTimeout(600);
  await take(page);
  await page.close();
}

for (const [name, metric] of [
  ['adalora', 'Kept rank'],
  ['weightlora', 'Weight ω'],
]) {
  const { address, close } = await startPreview([folderOf(name)]);
  await shoot(`${address}/?scene=recorded&theme=dark`, async page => {
    const card = page.locator('.card-importance');
    await card.locator('label', { hasText: metric }).click();
    await page.waitForTimeout(300);
    await card.screenshot({ path: join(images, `${name}.png`) });
  });
  close();
}

const question = 'Which method, on the same definitions in the same order, each at a rate that suits it?';
const { address, close } = await startComparePreview({ folder: runs, only: methods, name: 'the lecture', question });
await shoot(`${address}/?scene=runs&theme=dark`, page =>
  page.screenshot({ path: join(images, 'bake-off.png'), fullPage: true }),
);
close();
// The marketplace and vsce allow no SVG in a README.
await shoot(pathToFileURL(join(images, 'kv-cache.svg')).href, page =>
  page
    .locator('svg')
    .first()
    .screenshot({ path: join(images, 'kv-cache.png') }),
);
await browser.close();
console.log(`${images}: bake-off.png, adalora.png, weightlora.png and kv-cache.png`);
