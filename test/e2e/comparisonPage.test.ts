/** The comparison's own page in a real browser: pictures of every state, keyboard, sorting, exports, live updates. */
import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import { startComparePreview } from '../app/compare/serve.mjs';
import { eventually } from './eventually';
import { usePreview } from './previewPages';

interface HarnessWindow {
  readonly asked: readonly { readonly method: string; readonly params: { name?: string; content?: unknown } }[];
  deliver(name: string): void;
}
declare const window: HarnessWindow;

const rows = '.comparison-table tbody tr';

describe('comparison page', () => {
  const openScene = usePreview(startComparePreview);
  let page: Page;

  async function open(scene: string, width = 1280, theme = 'dark'): Promise<void> {
    page = await openScene(scene, { width, theme });
    await page.locator(`${rows}:visible, .stage:visible`).first().waitFor({ timeout: 10_000 });
  }

  const asked = (method: string) =>
    page.evaluate(name => window.asked.filter(one => one.method === name).map(one => one.params), method);
  const firstCells = async () => (await page.locator(`${rows} th`).allInnerTexts()).map(text => text.trim());

  for (const width of [400, 1280]) {
    for (const theme of ['dark', 'light', 'contrast']) {
      it(`fits ${width} pixels in ${theme}`, async () => {
        await open('bakeoff', width, theme);
        const beyond = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
        assert.ok(beyond <= 0, `${beyond} pixels too wide`);
        assert.ok(await hasInk('.card-memory-tradeoff canvas'));
      });
    }
  }

  /** Whether something is drawn on a canvas. */
  function hasInk(selector: string): Promise<boolean> {
    return page.locator(selector).evaluate(element => {
      const canvas = element as HTMLCanvasElement;
      const { data } = canvas.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height) ?? { data: [] };
      return data.some(value => value !== 0);
    });
  }

  it('is read point by point with the arrow keys', async () => {
    await open('bakeoff');
    const plot = page.locator('.card-memory-tradeoff .plot');
    await plot.focus();
    const read: string[] = [];
    for (let i = 0; i < 3; i++) {
      await page.keyboard.press('ArrowRight');
      read.push((await plot.getAttribute('aria-valuetext')) ?? '');
    }
    assert.match(read[0], /^few-shot prompting, 4 shots: best eval loss 6\.\d+, peak GPU memory 7\.90 MiB$/);
    assert.match(read[1], /^WeightLoRA .* on the Pareto front/);
    assert.ok(await page.locator('.card-memory-tradeoff .tip').isVisible());
    await page.keyboard.press('Escape');
    assert.ok(await page.locator('.card-memory-tradeoff .tip').isHidden());
  });

  it('sorts by its headings, from the keyboard too, and keeps the focus', async () => {
    await open('bakeoff');
    assert.equal((await firstCells())[0], 'full fine-tuning');
    await page.getByRole('button', { name: 'peak memory' }).focus();
    await page.keyboard.press('Enter');
    await eventually(async () => assert.equal((await firstCells())[0], 'few-shot prompting, 4 shots'));
    await page.keyboard.press('Enter');
    await eventually(async () => assert.equal((await firstCells())[0], 'full fine-tuning'));
    assert.equal(await page.locator('th[aria-sort="descending"]').innerText(), 'peak memory');
  });

  it('shows what is under way, failed and left to do', async () => {
    await open('running');
    const header = page.locator('.compare-header');
    assert.match(
      await header.innerText(),
      /3 of 10 runs done · 1 failed · running bake-off-adalora-s1, step 64 of 200/,
    );
    await header.locator('vscode-button', { hasText: 'Queue 3 runs' }).click();
    await eventually(async () => assert.equal((await asked('queueMissing')).length, 1));
    await page.locator('.seed[data-state="failed"]').click();
    await eventually(async () => assert.equal((await asked('openRun')).length, 1));
    await page.locator('.seed[data-state="queued"]').first().click();
    await eventually(async () => assert.equal((await asked('openConfig')).length, 1));
    assert.match(await page.locator('.cautions').innerText(), /One seed each[\s\S]*The loss became NaN at step 97/);
  });

  it('draws results as they come', async () => {
    await open('waiting');
    assert.equal(await page.locator('.card-memory-tradeoff .card-empty').isVisible(), true);
    await page.evaluate(() => window.deliver('running'));
    await eventually(async () => assert.ok(await hasInk('.card-memory-tradeoff canvas')));
    assert.equal(await page.locator('.card-memory-tradeoff .card-empty').isVisible(), false);
  });

  it('saves pictures and tables', async () => {
    await open('sweep');
    for (const button of await page.getByRole('button', { name: 'Save as' }).all()) await button.click();
    await eventually(async () => {
      const names = (await asked('save')).map(({ name }) => name).toSorted();
      const saved = ['curves.csv', 'curves.png', 'memory-tradeoff.png', 'sweep.png', 'table.csv', 'time-tradeoff.png'];
      assert.deepEqual(
        names,
        saved.map(name => `lora-learning_rate-${name}`),
      );
    });
  });

  it('switches the curves to training and to a table', async () => {
    await open('bakeoff');
    await page.locator('.card-curves .segmented label', { hasText: 'training' }).click();
    await page.getByRole('button', { name: 'Loss as a table' }).click();
    await page.getByText('Training loss by step, mean over seeds').waitFor();
  });

  it('says why there is nothing to show', async () => {
    await open('unreachable');
    await page.getByText('comparison.json is not there any more.').waitFor();
    await open('loading');
    await page.getByText('Reading the runs of this comparison.').waitFor();
  });
});
