/**
 * The comparison page in a plain browser, fed by generated runs or by run folders.
 *
 *   node test/app/compare/preview.mjs                                   serves it and prints the address
 *   node test/app/compare/preview.mjs --shots DIR [--scenes a,b] [--themes dark,light] [--widths 400,1000]
 *   node test/app/compare/preview.mjs --runs FOLDER --shots DIR [--key method.r] [--only REGEXP] [--name TEXT] [--question TEXT]
 *
 * With `--runs` the page shows the runs in a folder, e.g. `.peft/runs` of a workspace: methods, or the values of `--key`;
 * `--only` picks runs by their name.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { findChrome } from '../../tools/setup.mjs';
import { startComparePreview } from './serve.mjs';

function option(name, fallback) {
  const at = process.argv.indexOf(name);
  return at < 0 ? fallback : process.argv[at + 1];
}

async function shoot(address, folder) {
  const { chromium } = await import('playwright-core');
  mkdirSync(folder, { recursive: true });
  const browser = await chromium.launch({
    executablePath: findChrome(),
    args: ['--no-sandbox', '--headless=new', '--force-color-profile=srgb'],
  });
  let complaints = 0;
  const complain = text => {
    complaints++;
    console.log(text);
  };
  const scenes = option('--runs') ? ['runs'] : option('--scenes', 'bakeoff,running,sweep,waiting').split(',');
  for (const width of option('--widths', '1280').split(',').map(Number)) {
    const page = await browser.newPage({ viewport: { width, height: 900 } });
    page.on('console', message => {
      if (['error', 'warning'].includes(message.type())) complain(`${message.type()}: ${message.text()}`);
    });
    page.on('pageerror', error => complain(`error: ${error.stack}`));
    for (const scene of scenes) {
      for (const theme of option('--themes', 'dark,light').split(',')) {
        await page.goto(`${address}/?scene=${scene}&theme=${theme}`);
        await page.waitForTimeout(400);
        await page.screenshot({ path: join(folder, `comparison-${scene}-${theme}-${width}.png`), fullPage: true });
      }
    }
    await page.close();
  }
  await browser.close();
  return complaints;
}

const runs = option('--runs');
const given = runs && {
  folder: runs,
  key: option('--key'),
  only: option('--only'),
  name: option('--name', 'bake-off'),
  question: option('--question', ''),
};
const { address, close } = await startComparePreview(given);
const folder = option('--shots');
if (folder === undefined) {
  console.log(
    `${address}/?scene=bakeoff&theme=dark   (themes: dark, light, contrast; scenes: test/app/compare/scenes.ts)`,
  );
} else {
  const complaints = await shoot(address, folder);
  close();
  console.log(`pictures in ${folder}, ${complaints} complaints in the console`);
  process.exitCode = complaints === 0 ? 0 : 1;
}
