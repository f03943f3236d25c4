/** What the previews of both pages do on the command line: print an address, or take pictures. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { findChrome } from '../tools/setup.mjs';

/** The word after an option of the command line. */
export function option(name, fallback) {
  const at = process.argv.indexOf(name);
  return at < 0 ? fallback : process.argv[at + 1];
}

/** The words after an option, with commas between them. */
export function list(name, fallback) {
  return option(name, fallback).split(',');
}

/**
 * Takes a picture of each scene in each theme at each width. Prints the errors and warnings in the console of the pages and
 * answers how many there were. With `card`, a CSS selector, the picture is of that part of the page alone.
 */
async function shoot(address, folder, { scenes, themes, widths, prefix = '', card }) {
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
  for (const width of widths.map(Number)) {
    const page = await browser.newPage({ viewport: { width, height: 900 } });
    page.on('console', message => {
      if (['error', 'warning'].includes(message.type())) complain(`${message.type()}: ${message.text()}`);
    });
    page.on('pageerror', error => complain(`error: ${error.stack}`));
    for (const scene of scenes) {
      for (const theme of themes) {
        await page.goto(`${address}/?scene=${scene}&theme=${theme}`);
        await page.waitForTimeout(400);
        const path = join(folder, `${prefix}${scene}-${theme}-${width}.png`);
        if (card === undefined) await page.screenshot({ path, fullPage: true });
        else await page.locator(card).first().screenshot({ path });
      }
    }
    await page.close();
  }
  await browser.close();
  return complaints;
}

/**
 * With `--shots DIR` takes `pictures` (scenes, themes, widths, prefix, card) of a preview, closes it and fails if its pages
 * complained; otherwise prints `example`, the query of a scene, and `choice`, what else there is.
 */
export async function printOrShoot({ address, close }, { example, choice, pictures }) {
  const folder = option('--shots');
  if (folder === undefined) {
    console.log(`${address}/?${example}   (${choice})`);
    return;
  }
  const complaints = await shoot(address, folder, pictures);
  close();
  console.log(`pictures in ${folder}, ${complaints} complaints in the console`);
  process.exitCode = complaints === 0 ? 0 : 1;
}
