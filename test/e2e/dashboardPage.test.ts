/** The dashboard's own page in a real browser: keyboard, sizes, themes, live updates and ten thousand events. */
import assert from 'node:assert/strict';
import type { Locator, Page } from 'playwright-core';
import { startPreview } from '../app/serve.mjs';
import { eventually } from './eventually';
import { usePreview } from './previewPages';

interface Asked {
  readonly method: string;
  readonly params: {
    readonly command?: string;
    readonly action?: string;
    readonly name?: string;
    readonly content?: unknown;
  };
}

interface HarnessWindow {
  readonly asked: readonly Asked[];
  readonly kept: {
    readonly runId: string;
    readonly overlays: readonly string[];
    readonly preferences: { readonly tables: readonly string[] };
  };
  useTheme(name: string): void;
  prepare(name: string): () => void;
  deliver(): void;
}
declare const window: HarnessWindow;

/** The page is past its ring: the main chart has been drawn, or says why not, or the stage says why there is no run. */
const drawn = [
  '.card-loss .plot[aria-valuetext]:visible',
  '.card-loss.is-empty:visible',
  '.stage:not(:has(vscode-progress-ring)):visible',
].join();

/** What the importance card of each method has: metrics, cells with a value, curves of the selected cell. */
const methods = [
  ['running', ['Gradient', 'Update', 'Effective rank'], 28, 3],
  ['adalora', ['Score', 'Kept rank', 'Update', 'Gradient'], 28, 4],
  ['weightlora', ['Weight ω', 'Update', 'Share', 'Kept'], 28, 4],
  ['bottleneck', ['Gate', 'Gradient'], 8, 2],
  ['prefix', ['Attention'], 16, 1],
  ['p-tuning', ['Attention'], 16, 1],
  ['p-tuning-v2', ['Attention'], 16, 1],
  ['few-shot', ['Implicit'], 8, 0],
] as const;

describe('dashboard page', () => {
  const openScene = usePreview(startPreview);
  let page: Page;

  async function open(scene: string, width = 1200, theme = 'dark'): Promise<void> {
    page = await openScene(scene, { width, theme });
    await page
      .locator(scene === 'loading' ? '.stage' : drawn)
      .first()
      .waitFor();
  }

  const asked = (): Promise<readonly Asked[]> => page.evaluate(() => window.asked);

  /** Waits until an element's text matches. */
  const reads = (element: Locator, pattern: RegExp): Promise<void> =>
    eventually(async () => assert.match((await element.textContent()) ?? '', pattern));
  /** The same for an attribute. */
  const has = (element: Locator, attribute: string, pattern: RegExp): Promise<void> =>
    eventually(async () => assert.match((await element.getAttribute(attribute)) ?? '', pattern));
  /** Waits until there are as many as said. */
  const counts = (elements: Locator, count: number): Promise<void> =>
    eventually(async () => assert.equal(await elements.count(), count));

  it('sends what its buttons say', async () => {
    await open('running');
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByRole('button', { name: 'Step', exact: true }).click({ force: true });
    await page.getByRole('button', { name: 'Reveal run folder' }).click();
    // Messages keep their order, so what the disabled button had sent would lie before the last one.
    await page.waitForFunction(() => window.asked.some(({ params }) => params.action === 'revealFolder'));
    const sent = (await asked()).map(({ params }) => params.command ?? params.action);
    assert.deepEqual(sent, ['pause', 'revealFolder']);
  });

  it('reads values at the keyboard cursor and zooms by key', async () => {
    await open('overlay');
    const plot = page.locator('.card-loss .plot');
    const tip = page.locator('.card-loss .tip');
    await plot.focus();
    await page.keyboard.press('Home');
    await page.keyboard.press('ArrowRight');
    await has(plot, 'aria-valuetext', /^step 2, devil-lora-r16 \d\.\d+ \(\d\.\d+\), devil-lora \d/);
    await reads(page.locator('.card-rate .subtitle'), /at step 2$/);
    await reads(tip, /step 2/);
    const whole = page.locator('vscode-button[aria-label="Show all steps"][disabled]');
    const zoomed = page.locator('vscode-button[aria-label="Show all steps"]:not([disabled])');
    await whole.waitFor();
    await page.keyboard.press('+');
    await zoomed.waitFor();
    await page.keyboard.press('0');
    await whole.waitFor();
    await page.keyboard.press('Escape');
    await tip.waitFor({ state: 'hidden' });
  });

  it('takes an overlay out of the charts; the others keep their colours', async () => {
    await open('compare');
    const entries = page.locator('.card-loss .legend .mark-line');
    const colours = (): Promise<(string | null)[]> =>
      entries.evaluateAll(marks => marks.map(mark => mark.getAttribute('data-colour')));
    await eventually(async () => assert.equal(new Set(await colours()).size, 6));
    const before = await colours();
    await page.getByRole('button', { name: 'Take devil-lora out of the charts' }).click();
    await eventually(async () => assert.deepEqual(await colours(), before.toSpliced(1, 1)));
    const [{ method, params }] = await asked();
    assert.deepEqual([method, params], ['overlay', { runId: '20261124-devil-lora', shown: false }]);
    await eventually(async () => assert.equal((await page.evaluate(() => window.kept)).overlays.length, 4));
  });

  it('moves through the importance map with arrows, one cell in the tab order', async () => {
    await open('running');
    const tabbable = page.locator('.heat-cell[tabindex="0"]');
    await counts(tabbable, 1);
    await tabbable.focus();
    for (const [key, cell] of [
      ['Control+Home', /^q_proj, block 0: /],
      ['ArrowDown', /^k_proj, block 0: /],
      ['ArrowRight', /^k_proj, block 1: /],
    ] as const) {
      await page.keyboard.press(key);
      await has(page.locator('.heat-cell:focus'), 'aria-label', cell);
      await has(tabbable, 'aria-label', cell);
      await counts(tabbable, 1);
    }
    await reads(page.locator('.heat-side .curve-title'), /^k · block 1/);
  });

  it('scrubs importance through the steps', async () => {
    await open('running');
    const first = page.locator('.heat-cell').first();
    await reads(first, /\d/);
    const latest = await first.textContent();
    const slider = page.locator('.scrubber input[type=range]');
    await slider.focus();
    await page.keyboard.press('Home');
    await has(slider, 'aria-valuetext', /^10$/);
    await eventually(async () => assert.notEqual(await first.textContent(), latest));
  });

  for (const [scene, labels, cells, curves] of methods) {
    it(`draws the maps of ${scene}`, async () => {
      await open(scene);
      const filled = page.locator('.heat-cell:not(.vacant) > span:not(:empty)');
      await counts(filled, cells);
      if (labels.length > 1)
        await reads(page.locator('.card-importance .segmented').first(), new RegExp(labels.join('.*')));
      await counts(page.locator('.heat-side .curve:visible'), curves);
      await reads(page.locator('.card-importance .visually-hidden').first(), /highest in .* of block \d/);
    });
  }

  it('says why triplets were pruned, and draws the budget', async () => {
    await open('adalora');
    await page.locator('.heat-cell[tabindex="0"]').focus();
    await page.keyboard.press('Control+Home');
    await reads(page.locator('.heat-why p'), /^q_proj of block 0 keeps \d of 6 triplets/);
    const places = await page.locator('.heat-why tbody th').allTextContents();
    assert.deepEqual(
      places,
      places.toSorted((a, b) => parseInt(a) - parseInt(b)),
    );
    await reads(page.locator('.card-importance .tip').first(), /adapter(kept|dropped).*sensitivity/);
    await reads(page.locator('.budget .curve-title'), /56 triplets in use, 56 planned/);
    await page.locator('.budget .plot').focus();
    await page.keyboard.press('Home');
    await page.keyboard.press('Enter');
    await reads(page.locator('.budget .curve-title'), /168 triplets in use, 168 planned/);
    await has(page.locator('.scrubber input[type=range]'), 'aria-valuetext', /^10$/);
    await page.getByRole('button', { name: 'Importance as a table' }).click();
    await counts(page.locator('.card-importance .card-table table'), 2);
  });

  it('pins a step beside the one on show, and shows what changed', async () => {
    await open('weightlora');
    await page.getByRole('button', { name: /^Pin this step/ }).click();
    const slider = page.locator('.scrubber input[type=range]');
    await slider.focus();
    await page.keyboard.press('Home');
    await counts(page.locator('.heatmap:visible'), 2);
    assert.deepEqual(await page.locator('.heat-caption').allTextContents(), ['step 200', 'step 10']);
    await counts(page.locator('.heat-cell.dropped:visible'), 21);
    await page.getByRole('radio', { name: 'difference' }).check();
    await counts(page.locator('.heatmap:visible'), 1);
    await reads(page.locator('.heat-caption:visible'), /^from step 200 to step 10$/);
    await page.getByRole('button', { name: 'Unpin step 200' }).click();
    await page.locator('.heat-caption:visible').waitFor({ state: 'hidden' });
  });

  it('saves the map as PNG, SVG and CSV', async () => {
    await open('weightlora');
    const card = page.locator('.card-importance');
    for (const name of ['Save as image…', 'Save as SVG…', 'Save as CSV…'])
      await card.getByRole('button', { name }).click();
    await page.waitForFunction(() => window.asked.length === 3);
    const saved = await page.evaluate(() =>
      window.asked.map(({ params: { name, content } }) => ({
        name,
        text: content instanceof Uint8Array ? [...content.slice(0, 4)].join() : String(content),
      })),
    );
    const byName = new Map(saved.map(({ name, text }) => [name, text]));
    assert.equal(byName.get('devil-weightlora-importance.png'), '137,80,78,71');
    assert.match(
      byName.get('devil-weightlora-importance.svg') ?? '',
      /^<svg [^]*devil-weightlora: Weight ω[^]*dropped/,
    );
    assert.match(
      byName.get('devil-weightlora-importance.csv') ?? '',
      /^step,metric,module,block,triplet,value\r\n10,omega/,
    );
  });

  it('shows the draws of few-shot prompting in the place of training curves', async () => {
    await open('few-shot');
    await reads(page.locator('.draw-facts'), /loss\d\.\d+ ± \d.*log-likelihood.*exact match/);
    await reads(page.locator('.card-draws .subtitle'), /n = 5 draws of 4 shots/);
    await counts(page.locator('.card-draws tbody tr'), 5);
    await page.locator('.card-rate').waitFor({ state: 'hidden' });
  });

  it('sets the memory of two runs side by side, or beside the forecast', async () => {
    await open('offload');
    const card = page.locator('.card-memory');
    await reads(card.locator('thead'), /devil-offload.*devil-plain.*difference/);
    await reads(card.locator('tr', { hasText: 'activations' }).first(), /4\.79 MiB.*16\.4 MiB.*\+11\.6 MiB/);
    await reads(card.locator('.card-note').first(), /devil-plain takes .* more GPU memory .* less host memory/);
    await reads(card.locator('.transfer-facts'), /Moved5\.63 MiB up.*Waited72 ms/);
    await card.getByRole('button', { name: 'Save as CSV…' }).click();
    await card.getByRole('combobox', { name: 'Compare memory with' }).selectOption('forecast');
    await reads(card.locator('thead'), /^forecastmeasured$/);
    await reads(card.locator('tbody').nth(1), /^Host memory total3\.81 MiB3\.81 MiB$/);
    await counts(card.locator('.bars'), 2);
    const saved = await asked();
    assert.match(
      String(saved[0].params.content),
      /^place,category,devil-offload,devil-plain,difference\r\nGPU,weights,/,
    );
  });

  it('tells what stands behind the memory curve at the keyboard cursor', async () => {
    await open('offload');
    const card = page.locator('.card-timeline');
    await reads(card.locator('.legend'), /runs againto the GPU$/);
    await reads(card.locator('.visually-hidden').first(), /4 blocks run again; 2\.81 MiB to the GPU in 4 transfers\.$/);
    const plot = card.locator('.plot');
    await plot.focus();
    await page.keyboard.press('Home');
    const moved =
      /block \d · .*, activations .*, block 2 to the GPU 720 KiB, waited 9 ms.*, Largest tensors .*embed_tokens/;
    for (let leaps = 0; leaps < 4 && !moved.test((await plot.getAttribute('aria-valuetext')) ?? ''); leaps++)
      await page.keyboard.press('Shift+ArrowRight');
    for (let steps = 0; steps < 40 && !moved.test((await plot.getAttribute('aria-valuetext')) ?? ''); steps++)
      await page.keyboard.press('ArrowLeft');
    await has(plot, 'aria-valuetext', moved);
    await reads(card.locator('.tip'), /block 2 to the GPU720 KiB, waited 9 ms.*Largest tensors/);
    for (const name of ['Save as image…', 'Save as SVG…']) await card.getByRole('button', { name }).click();
    await page.waitForFunction(() => window.asked.length === 2);
    const saved = new Map((await asked()).map(({ params: { name, content } }) => [name, content]));
    assert.ok(saved.has('devil-offload-memory-timeline.png'));
    const svg = String(saved.get('devil-offload-memory-timeline.svg'));
    assert.match(svg, /^<svg [^]*devil-offload: memory within a step[^]*peak 12\.6 MiB[^]*runs again[^]*to the GPU/);
  });

  it('has a table for each chart and remembers it', async () => {
    await open('running');
    for (const card of ['loss', 'importance', 'timeline']) {
      await page
        .locator(`.card-${card}`)
        .getByRole('button', { name: /as a table$/ })
        .click();
      const rows = page.locator(`.card-${card} table tbody tr`);
      await eventually(async () => assert.ok((await rows.count()) > 5, card));
      await page.locator(`.card-${card} .plot`).first().waitFor({ state: 'hidden' });
    }
    await eventually(async () => {
      const kept = await page.evaluate(() => window.kept);
      assert.deepEqual(kept.preferences.tables, ['loss', 'importance', 'timeline']);
      assert.equal(kept.runId, '20261124-devil-lora-r16');
    });
  });

  it('saves the picture and the numbers', async () => {
    await open('running');
    const card = page.locator('.card-loss');
    await card.getByRole('button', { name: 'Save as image…' }).click();
    await card.getByRole('button', { name: 'Save as CSV…' }).click();
    await page.waitForFunction(() => window.asked.length === 2);
    const saved = await page.evaluate(() =>
      window.asked.map(({ params: { name, content } }) => ({
        name,
        start: content instanceof Uint8Array ? [...content.slice(0, 4)] : String(content).slice(0, 14),
      })),
    );
    const byName = new Map(saved.map(({ name, start }) => [name, start]));
    assert.deepEqual(byName.get('devil-lora-r16-loss.png'), [0x89, 0x50, 0x4e, 0x47]);
    assert.equal(byName.get('devil-lora-r16-loss.csv'), 'step,loss,eval');
  });

  it('draws events as they come without building a chart anew', async () => {
    await open('live');
    const canvas = await page.locator('.card-loss canvas').elementHandle();
    const step = page.locator('.facts b').first();
    await reads(step, /\d/);
    const before = Number(await step.textContent());
    await page.waitForFunction(from => Number(document.querySelector('.facts b')?.textContent) > from + 5, before);
    assert.equal(await canvas?.evaluate(element => element.isConnected), true);
    await page.locator('.pill', { hasText: 'completed' }).waitFor({ timeout: 60_000 });
    await reads(step, /^200$/);
    await page.getByRole('button', { name: 'Export adapter' }).waitFor();
  });

  it('follows the theme, charts and map included', async () => {
    await open('running');
    const look = (): Promise<string[]> =>
      page.evaluate(async () => {
        await new Promise(resolve => requestAnimationFrame(() => requestAnimationFrame(resolve)));
        const canvas = document.querySelector<HTMLCanvasElement>('.card-loss canvas');
        const cell = document.querySelector<HTMLElement>('.heat-cell');
        return [canvas?.toDataURL() ?? '', cell?.style.background ?? '', getComputedStyle(document.body).color];
      });
    let dark: string[] = [];
    await eventually(async () => {
      dark = await look();
      assert.deepEqual(await look(), dark, 'the page does not come to rest');
    });
    await page.evaluate(() => window.useTheme('light'));
    await eventually(async () => (await look()).forEach((value, i) => assert.notEqual(value, dark[i])));
    await page.evaluate(() => window.useTheme('dark'));
    await eventually(async () => assert.deepEqual(await look(), dark));
  });

  for (const scene of ['overlay', 'offload', 'compare', 'interrupted', 'starting', 'full', 'large', 'adalora']) {
    it(`fits every width without scrolling sideways: ${scene}`, async () => {
      await open(scene, 400);
      for (const width of [400, 1600, 1000, 900, 400]) {
        await page.setViewportSize({ width, height: 900 });
        await eventually(async () => {
          const [inner, content] = await page.evaluate(() => [innerWidth, document.documentElement.scrollWidth]);
          assert.equal(inner, width);
          assert.ok(content <= inner, `${content - inner} pixels too wide at ${width}`);
          const columns = await page
            .locator('.dashboard')
            .evaluate(element => getComputedStyle(element).gridTemplateColumns);
          assert.equal(columns.split(' ').length, width < 900 ? 1 : 2);
        });
      }
    });
  }

  it('says what is going on when there is no run to show', async () => {
    for (const [scene, text] of [
      ['empty', 'No run on show'],
      ['loading', 'Loading the run'],
      ['outdated', 'another version'],
      ['unreachable', 'The run folder is gone.'],
    ] as const) {
      if (scene !== 'empty') await page.close();
      await open(scene);
      await page.locator('.stage', { hasText: text }).waitFor();
    }
    await page.getByRole('button', { name: 'Try again' }).waitFor();
  });

  it('opens ten thousand steps without a visible delay', async () => {
    await open('empty');
    const session = await page.context().newCDPSession(page);
    // Time on the processor, so that other work on the machine does not count.
    await session.send('Performance.enable', { timeDomain: 'threadTicks' });
    const busy = async (): Promise<number> => {
      const { metrics } = await session.send('Performance.getMetrics');
      return 1000 * (metrics.find(({ name }) => name === 'TaskDuration')?.value ?? NaN);
    };
    await page.evaluate(() => (window.deliver = window.prepare('large')));
    const before = await busy();
    await page.evaluate(async () => {
      const frame = (): Promise<unknown> => new Promise(resolve => requestAnimationFrame(resolve));
      window.deliver();
      while (document.querySelector('.card-loss .plot')?.getAttribute('aria-valuenow') !== '10000') await frame();
      await frame();
    });
    const milliseconds = (await busy()) - before;
    console.log(`      10,000 steps: ${Math.round(milliseconds)} ms of processor time from snapshot to picture`);
    // The number is what the test is for; the bound only catches work that grows with the square of the steps.
    assert.ok(milliseconds < 20_000, `${milliseconds} ms`);
  });
});
