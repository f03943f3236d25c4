/** Compare Methods… from the palette to the page's numbers, and the page again after a reload. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { openFile, runCommand, webviewFrame, workbenchReady } from '../workbench/driver';
import { packagedExtension } from '../workbench/example';
import { shortFiles, shortName } from './configs';
import { eventually } from './eventually';
import { useStage } from './stage';

const rows = '.comparison-table tbody tr';

describe('comparison of methods', () => {
  const stage = useStage({ vsix: [packagedExtension()] });

  async function results(page: Page): Promise<string[]> {
    const frame = await webviewFrame(page, rows);
    return (await frame.locator(rows).allInnerTexts()).map(text => text.replace(/\s+/g, ' ').trim());
  }

  it('writes the configs, runs them one after the other and shows what came out', async () => {
    const { page, workspace } = await stage().open(shortFiles(4));
    await openFile(page, shortName);
    await runCommand(page, 'PEFT: Compare Methods…');
    const picker = page.locator('.quick-input-widget');
    await picker.locator('.monaco-list-row', { hasText: 'AdaLoRA' }).waitFor();
    await picker.locator('.monaco-list-row', { hasText: 'Full fine-tuning' }).click();
    await picker.getByText('2 Selected').waitFor();
    await picker.getByText('OK', { exact: true }).click();
    for (const answer of ['Nothing but the method changes', '1']) {
      const row = page.locator('.quick-input-list .monaco-list-row', { hasText: answer }).first();
      await row.waitFor();
      await row.click();
    }
    const folder = join(workspace, 'comparisons/short-methods');
    const finished = async (): Promise<void> => {
      const texts = await results(page);
      assert.equal(texts.length, 2);
      for (const text of texts) assert.match(text, /completed$/);
    };
    await page.locator('.tab', { hasText: 'short-methods' }).waitFor();
    await eventually(finished, 150);
    assert.equal(await page.locator('.tab').count(), 2, 'the comparison shows the runs, so no dashboard opened');
    const definition = JSON.parse(readFileSync(join(folder, 'comparison.json'), 'utf8')) as {
      variants: { config: string }[];
    };
    for (const { config } of definition.variants) assert.ok(existsSync(join(folder, config)), config);
    const frame = await webviewFrame(page, rows);
    await frame.locator('.cautions li', { hasText: 'One seed each' }).waitFor();

    await page.reload();
    await workbenchReady(page);
    await eventually(finished, 60);
  });

  it('sweeps the values of a key', async () => {
    const { page, workspace } = await stage().open(shortFiles(4));
    await openFile(page, shortName);
    await runCommand(page, 'PEFT: Sweep…');
    const row = (text: string | RegExp) =>
      page.locator('.quick-input-list .monaco-list-row', { hasText: text }).first();
    await row('method.r').click();
    const input = page.locator('.quick-input-widget input[type="text"]');
    await eventually(async () => assert.equal(await input.inputValue(), '2, 4, 8'));
    await input.fill('2, x');
    await page.locator('.quick-input-message', { hasText: 'x' }).waitFor();
    await input.fill('2, 8');
    await page.keyboard.press('Enter');
    await row('no interval').click();
    const frame = await webviewFrame(page, rows);
    await frame.locator('.card-sweep').waitFor();
    assert.deepEqual(await frame.locator(`${rows} th`).allInnerTexts(), ['r 2', 'r 8']);
    for (const rank of [2, 8]) {
      const text = readFileSync(join(workspace, `comparisons/short-r/short-r-${rank}.peft.yaml`), 'utf8');
      assert.match(text, new RegExp(`^  r: ${rank}$`, 'm'));
    }
  });
});
