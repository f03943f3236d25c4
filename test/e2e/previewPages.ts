import assert from 'node:assert/strict';
import type { Browser, Page } from 'playwright-core';
import { launchBrowser } from '../tools/chrome.mjs';

/** A page of the extension, served for a plain browser. */
interface Preview {
  readonly address: string;
  close(): void;
}

interface Look {
  /** Width of the window in pixels. */
  readonly width: number;
  /** A name of `test/app/themes.json`. */
  readonly theme: string;
}

/**
 * Registers mocha hooks that start and stop a preview and a browser, and answers how to open a scene. After each test the
 * page that was opened last is closed, and must have written no error and no warning to its console.
 */
export function usePreview(start: () => Promise<Preview>): (scene: string, look: Look) => Promise<Page> {
  let preview: Preview;
  let browser: Browser;
  let page: Page;
  let complaints: string[];

  before(async () => {
    preview = await start();
    browser = await launchBrowser();
  });
  after(async () => {
    await browser.close();
    preview.close();
  });
  afterEach(async () => {
    await page.close();
    assert.deepEqual(complaints, []);
  });

  return async (scene, { width, theme }) => {
    complaints = [];
    page = await browser.newPage({ viewport: { width, height: 900 } });
    page.on('console', message => {
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
    });
    page.on('pageerror', error => complaints.push(String(error)));
    await page.goto(`${preview.address}/?scene=${scene}&theme=${theme}`);
    return page;
  };
}
