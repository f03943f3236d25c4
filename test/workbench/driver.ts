/** The workbench as a person uses it: palette, files, trees, webviews. Everything waits for what it needs to see. */
import type { Browser, Frame, Locator, Page } from 'playwright-core';

const selectAll = process.platform === 'darwin' ? 'Meta+A' : 'Control+A';
const quickInput = '.quick-input-widget input.input';
const modifier = process.platform === 'darwin' ? 'Meta' : 'Control';

/** Size of a window, and of the pictures of it. */
export const windowSize = { width: 1600, height: 1000 };

/** Opens `url` in a new window of its own and waits until the workbench stands and extensions may run. */
export async function openWindow(browser: Browser, url: string, size = windowSize): Promise<Page> {
  const context = await browser.newContext({ viewport: size });
  const page = await context.newPage();
  await page.goto(url);
  await workbenchReady(page);
  return page;
}

/** Waits until the workbench of `page` stands. */
export async function workbenchReady(page: Page): Promise<void> {
  await page.locator('.monaco-workbench').waitFor({ timeout: 60_000 });
  await page.locator('.statusbar-item').first().waitFor({ timeout: 60_000 });
}

/** Runs a command by its title in the palette, e.g. `PEFT: Run This Config`; waits until the palette has it. */
export async function runCommand(page: Page, title: string, timeout = 30_000): Promise<void> {
  const deadline = Date.now() + timeout;
  do {
    const item = await findCommand(page, title);
    if (item) return item.click();
    await page.keyboard.press('Escape');
  } while (Date.now() < deadline);
  throw new Error(`The command palette has no "${title}".`);
}

/** True when the palette offers this command now. */
export async function offersCommand(page: Page, title: string): Promise<boolean> {
  const item = await findCommand(page, title);
  await page.keyboard.press('Escape');
  return item !== undefined;
}

/** The palette does not refresh while it is open, so each look opens it anew. */
async function findCommand(page: Page, title: string): Promise<Locator | undefined> {
  await page.keyboard.press('F1');
  await page.locator(quickInput).fill(`>${title}`);
  const item = page.locator('.quick-input-list .monaco-list-row').filter({
    has: page.locator('.label-name', { hasText: new RegExp(`^${escapeExpression(title)}$`) }),
  });
  const found = await item
    .first()
    .waitFor({ timeout: 2000 })
    .then(
      () => true,
      () => false,
    );
  return found ? item.first() : undefined;
}

function escapeExpression(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

/** Opens a file of the workspace by name through Quick Open and waits for its editor. */
export async function openFile(page: Page, name: string): Promise<void> {
  await page.keyboard.press(`${modifier}+P`);
  await page.locator(quickInput).fill(name);
  const item = page.locator('.quick-input-list .monaco-list-row', { hasText: name });
  await item.first().click();
  await page.locator(`.tab[data-resource-name="${name}"]`).first().waitFor();
  await page.locator('.monaco-editor .view-lines').first().waitFor();
}

/** Replaces the text of the editor that has the focus. */
export async function replaceText(page: Page, text: string): Promise<void> {
  await page.locator('.monaco-editor .view-lines').first().click();
  await page.keyboard.press(selectAll);
  await page.keyboard.insertText(text);
}

/** Saves the active editor. */
export async function saveFile(page: Page): Promise<void> {
  await page.keyboard.press(`${modifier}+S`);
  await page.locator('.tab.active.dirty').waitFor({ state: 'detached' });
}

/** Picks an entry of the quick pick on show by its label. */
export async function pick(page: Page, label: string | RegExp): Promise<void> {
  await page.locator('.quick-input-list .monaco-list-row', { hasText: label }).first().click();
}

/** Chooses `folder` in the folder dialog on show and confirms with its button, e.g. `Export Here`. */
export async function chooseFolder(page: Page, folder: string, button: string): Promise<void> {
  const dialog = page.locator('.quick-input-widget');
  const input = dialog.locator('input.input');
  const confirm = dialog.locator('.monaco-button', { hasText: button });
  await confirm.waitFor();
  const path = `${folder}/`;
  if ((await input.inputValue()) !== path) await input.fill(path);
  await dialog.locator('.monaco-list-row').first().waitFor();
  await confirm.click();
}

/** Labels of a tree view's rows, as a screen reader hears them. */
export async function treeRows(page: Page, view: string): Promise<string[]> {
  const rows = page
    .locator(`.pane[aria-label*="${view}"], .pane`)
    .filter({ has: page.getByText(view, { exact: true }) });
  return rows.locator('.monaco-list-row').evaluateAll(list => list.map(row => row.getAttribute('aria-label') ?? ''));
}

/** Texts of the notifications on show. */
export async function notifications(page: Page): Promise<string[]> {
  return page.locator('.notification-list-item-message').allInnerTexts();
}

/** Waits for a notification that matches and returns its text. */
export async function waitForNotification(page: Page, pattern: RegExp, timeout = 20_000): Promise<string> {
  const item = page.locator('.notification-list-item-message', { hasText: pattern }).first();
  await item.waitFor({ timeout });
  return item.innerText();
}

/** Waits until the Problems panel has a row that matches. */
export async function waitForProblem(page: Page, pattern: RegExp): Promise<void> {
  await runCommand(page, 'Problems: Focus on Problems View');
  await page.locator('.markers-panel .monaco-list-row', { hasText: pattern }).first().waitFor({ timeout: 20_000 });
}

/**
 * The document of a webview: the innermost frame in which `selector` exists. VS Code nests two frames for each webview,
 * so frames are asked rather than addressed.
 */
export async function webviewFrame(page: Page, selector: string, timeout = 30_000): Promise<Frame> {
  const deadline = Date.now() + timeout;
  while (Date.now() < deadline) {
    for (const frame of page.frames()) {
      const count = await frame
        .locator(selector)
        .count()
        .catch(() => 0);
      if (count > 0 && frame !== page.mainFrame()) return frame;
    }
    await page.waitForTimeout(200);
  }
  throw new Error(`No webview shows ${selector}.`);
}

/** Switches the window to its light or dark theme. */
export async function showTheme(page: Page, theme: 'light' | 'dark'): Promise<void> {
  const wanted = page.locator(`.monaco-workbench.${theme === 'light' ? 'vs' : 'vs-dark'}`);
  if (await wanted.isVisible()) return;
  await runCommand(page, 'Preferences: Toggle between Light/Dark Themes');
  await wanted.waitFor();
}

/** Waits for a CodeLens whose text matches. */
export async function waitForLens(page: Page, pattern: RegExp): Promise<string> {
  const lens = page.locator('.codelens-decoration', { hasText: pattern }).first();
  await lens.waitFor({ timeout: 30_000 });
  return lens.innerText();
}

/** Waits until the active editor underlines something. */
export async function waitForSquiggle(page: Page): Promise<void> {
  await page.locator('.squiggly-error, .squiggly-warning').first().waitFor({ timeout: 15_000 });
}

/** In the line of the active editor that holds `line`, replaces the token `from` by `to`. */
export async function replaceWord(page: Page, line: string, from: string, to: string): Promise<void> {
  await tokenOf(page, line, from).dblclick();
  await page.keyboard.insertText(to);
}

/** Rests the pointer on a token of the active editor until its hover is on show; returns what the hover says. */
export async function hoverOver(page: Page, line: string, token: string): Promise<string> {
  await tokenOf(page, line, token).hover();
  const hover = page.locator('.monaco-hover:visible').first();
  await hover.waitFor({ timeout: 15_000 });
  return hover.innerText();
}

/** Opens the quick fixes of what is marked at a token of the active editor; returns their titles. */
export async function openFixes(page: Page, line: string, token: string): Promise<string[]> {
  await tokenOf(page, line, token).click();
  const menu = page.locator('.action-widget').first();
  // Once: pressed again in the open menu it would take the first of them.
  await page.keyboard.press(`${modifier}+.`);
  await menu.waitFor({ timeout: 30_000 });
  return menu.locator('.action-item, .monaco-list-row').allInnerTexts();
}

function tokenOf(page: Page, line: string, token: string): Locator {
  const row = page.locator('.monaco-editor .view-line', { hasText: line }).first();
  return row.locator('span > span').getByText(token, { exact: true }).first();
}

/** Polls until `holds`, or throws an error that names `what`. */
export async function until(holds: () => boolean | Promise<boolean>, what: string, seconds = 30): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  while (Date.now() < deadline) {
    if (await holds()) return;
    await new Promise(resolve => setTimeout(resolve, 200));
  }
  throw new Error(`Waited ${seconds} s for ${what}.`);
}

/** Waits for a row of a tree view whose text, as a screen reader hears it, matches. */
export async function waitForRowIn(page: Page, view: string, pattern: RegExp, seconds = 30): Promise<void> {
  await showView(page, view);
  await until(async () => (await treeRows(page, view)).some(row => pattern.test(row)), `${view}: ${pattern}`, seconds);
}

/** Brings one of the extension's views to the front. */
export async function showView(page: Page, view: string): Promise<void> {
  await runCommand(page, `PEFT: Focus on ${view} View`);
}
