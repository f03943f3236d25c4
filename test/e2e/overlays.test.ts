/** Checked runs are drawn in the dashboard beside its own, come back after a reload, and go where they are taken out. */
import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import { nodeFiles } from '../../src/headless/nodeFiles';
import { writeRun } from '../app/runFolders';
import { runCommand, showView, webviewFrame, workbenchReady } from '../workbench/driver';
import { exampleWorkspace, packagedExtension } from '../workbench/example';
import { eventually } from './eventually';
import { useStage } from './stage';

const shape = { steps: 40, done: 40, blocks: 2, state: 'completed' as const };
const names = ['first', 'second', 'third'];

describe('overlays', () => {
  const stage = useStage({ vsix: [packagedExtension()] });

  async function legend(page: Page): Promise<string[]> {
    const frame = await webviewFrame(page, '.card-loss .legend');
    const entries = await frame.locator('.card-loss .legend > span').allInnerTexts();
    return entries.map(text => text.trim()).filter(text => names.includes(text));
  }
  const box = (page: Page, name: string) =>
    page.locator('.monaco-list-row', { hasText: name }).locator('.custom-view-tree-node-item-checkbox').first();
  const shows = (page: Page, expected: readonly string[]) =>
    eventually(async () => assert.deepEqual((await legend(page)).toSorted(), expected.toSorted()), 60);

  it('are what is checked in the Runs view, also after a reload', async () => {
    const workspace = exampleWorkspace();
    for (const [i, name] of names.entries())
      await writeRun(nodeFiles(workspace), { ...shape, name, seed: i + 1, created: i });
    const page = await stage().openAgain(workspace);
    await showView(page, 'Runs');
    await box(page, 'first').click();
    await shows(page, ['first']);
    await box(page, 'second').click();
    await shows(page, ['first', 'second']);
    await box(page, 'third').click();
    await shows(page, names);

    await page.reload();
    await workbenchReady(page);
    await shows(page, names);
    const frame = await webviewFrame(page, '.card-loss .legend');
    await frame.getByRole('button', { name: 'Take second out of the charts' }).click();
    await shows(page, ['first', 'third']);
    await showView(page, 'Runs');
    await eventually(async () => assert.equal(await box(page, 'second').getAttribute('aria-checked'), 'false'));
    assert.equal(await box(page, 'third').getAttribute('aria-checked'), 'true');
    await runCommand(page, 'PEFT: Compare Selected');
    await page.locator('.quick-input-list .monaco-list-row', { hasText: 'second' }).first().waitFor();
  });
});
