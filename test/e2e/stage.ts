/** What the end-to-end tests share: one workbench a file, a window and a folder a test, pictures of failures. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { root } from '../tools/process.mjs';
import { launchBrowser } from '../tools/chrome.mjs';
import { openWindow } from '../workbench/driver';
import { exampleWorkspace } from '../workbench/example';
import { startWorkbench, type Workbench, type WorkbenchOptions } from '../workbench/server';

export interface Stage {
  readonly workbench: Workbench;
  readonly browser: Browser;
  /** Replaces a browser that a test has killed. */
  restartBrowser(): Promise<void>;
  /** A window on a fresh example folder with further files. */
  open(files?: Readonly<Record<string, string>>): Promise<{ page: Page; workspace: string }>;
  /** A window on an existing folder. */
  openAgain(workspace: string): Promise<Page>;
}

/**
 * Registers mocha hooks that start and stop a workbench and a browser; the stage exists while tests run. Windows are
 * closed after each test, or, when the tests `share` them, after the last.
 */
export function useStage(options: WorkbenchOptions, windows: 'apart' | 'share' = 'apart'): () => Stage {
  let workbench: Workbench;
  let browser: Browser;
  const pages: Page[] = [];

  before(async () => {
    workbench = await startWorkbench(options);
    browser = await launchBrowser();
  });
  afterEach(async function () {
    const failed = this.currentTest?.state === 'failed';
    if (failed) for (const page of pages) await picture(page, this.currentTest?.fullTitle() ?? 'test');
    if (windows === 'share') return;
    for (const page of pages.splice(0)) {
      await page
        .context()
        .close()
        .catch(() => undefined);
    }
  });
  after(async () => {
    await browser?.close();
    await workbench?.stop();
  });

  const openAgain = async (workspace: string): Promise<Page> => {
    const page = await openWindow(browser, workbench.url(workspace));
    pages.push(page);
    return page;
  };
  return () => ({
    workbench,
    browser,
    openAgain,
    restartBrowser: async () => {
      browser = await launchBrowser();
    },
    open: async files => {
      const workspace = exampleWorkspace(files);
      return { workspace, page: await openAgain(workspace) };
    },
  });
}

async function picture(page: Page, title: string): Promise<void> {
  const folder = join(root, 'out/e2e-failures');
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${title.replace(/\W+/g, '-')}.png`);
  await page.screenshot({ path }).then(
    () => console.log(`      picture: ${path}`),
    () => undefined,
  );
}
