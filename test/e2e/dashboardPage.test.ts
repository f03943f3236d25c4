/** The dashboard's own page in a real browser: keyboard, sizes, themes, live updates and ten thousand events. */
import assert from 'node:assert/strict';
import type { Browser, Page } from 'playwright-core';
import { startPreview } from '../app/serve.mjs';
import { launchBrowser } from '../workbench/browser';

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
  readonly kept: { readonly runId: string; readonly preferences: { readonly tables: readonly string[] } };
  useTheme(name: string): void;
  prepare(name: string): () => void;
  deliver(): void;
}
declare const window: HarnessWindow;

describe('dashboard page', () => {
  let preview: Awaited<ReturnType<typeof startPreview>>;
  let browser: Browser;
  let complaints: string[];
  let page: Page;

  before(async () => {
    preview = await startPreview();
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

  async function open(scene: string, width = 1200, theme = 'dark'): Promise<void> {
    complaints = [];
    page = await browser.newPage({ viewport: { width, height: 900 } });
    page.on('console', message => {
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
    });
    page.on('pageerror', error => complaints.push(String(error)));
    await page.goto(`${preview.address}/?scene=${scene}&theme=${theme}`);
    await page.locator('.run-header:visible, .stage:visible').first().waitFor();
  }

  const asked = (): Promise<readonly Asked[]> => page.evaluate(() => window.asked);
  const label = (selector: string): Promise<string> =>
    page.locator(selector).evaluate(element => element.getAttribute('aria-valuetext') ?? '');

  it('sends what its buttons say', async () => {
    await open('running');
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByRole('button', { name: 'Reveal run folder' }).click();
    await page.getByRole('button', { name: 'Step', exact: true }).click({ force: true });
    const sent = (await asked()).map(({ params }) => params.command ?? params.action);
    assert.deepEqual(sent, ['pause', 'revealFolder']);
  });

  it('reads values at the keyboard cursor and zooms by key', async () => {
    await open('overlay');
    const plot = page.locator('.card-loss .plot');
    await plot.focus();
    await page.keyboard.press('Home');
    await page.keyboard.press('ArrowRight');
    assert.match(await label('.card-loss .plot'), /^step 2, devil-lora-r16 \d\.\d+ \(\d\.\d+\), devil-lora \d/);
    assert.match((await page.locator('.card-rate .subtitle').textContent()) ?? '', /at step 2$/);
    assert.match((await page.locator('.card-loss .tip').textContent()) ?? '', /step 2/);
    const reset = page.getByRole('button', { name: 'Show all steps' });
    assert.equal(await reset.isDisabled(), true);
    await page.keyboard.press('+');
    assert.equal(await reset.isDisabled(), false);
    await page.keyboard.press('0');
    assert.equal(await reset.isDisabled(), true);
    await page.keyboard.press('Escape');
    assert.equal(await page.locator('.card-loss .tip').isVisible(), false);
  });

  it('moves through the importance map with arrows, one cell in the tab order', async () => {
    await open('running');
    const tabbable = page.locator('.heat-cell[tabindex="0"]');
    assert.equal(await tabbable.count(), 1);
    await tabbable.focus();
    await page.keyboard.press('Control+Home');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowRight');
    assert.match((await tabbable.getAttribute('aria-label')) ?? '', /^k_proj, block 1: /);
    assert.equal(await tabbable.count(), 1);
    assert.match((await page.locator('.curve-title').textContent()) ?? '', /^k · block 1/);
  });

  it('scrubs importance through the steps', async () => {
    await open('running');
    const first = page.locator('.heat-cell').first();
    const latest = await first.textContent();
    await page.locator('.scrubber input').focus();
    await page.keyboard.press('Home');
    assert.notEqual(await first.textContent(), latest);
    assert.match(await label('.scrubber input'), /^10$/);
  });

  it('has a table for each chart and remembers it', async () => {
    await open('running');
    for (const card of ['loss', 'importance', 'timeline']) {
      await page
        .locator(`.card-${card}`)
        .getByRole('button', { name: /as a table$/ })
        .click();
      assert.ok((await page.locator(`.card-${card} table tbody tr`).count()) > 5, card);
      assert.equal(await page.locator(`.card-${card} .plot`).first().isVisible(), false, card);
    }
    const kept = await page.evaluate(() => window.kept);
    assert.deepEqual(kept.preferences.tables, ['loss', 'importance', 'timeline']);
    assert.equal(kept.runId, '20261124-devil-lora-r16');
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
    const before = Number(await step.textContent());
    await page.waitForFunction(from => Number(document.querySelector('.facts b')?.textContent) > from + 5, before);
    assert.equal(await canvas?.evaluate(element => element.isConnected), true);
    await page.locator('.pill', { hasText: 'completed' }).waitFor({ timeout: 20_000 });
    assert.equal(await step.textContent(), '200');
    await page.getByRole('button', { name: 'Export adapter' }).waitFor();
  });

  it('follows the theme, charts and map included', async () => {
    await open('running');
    const look = (): Promise<string[]> =>
      page.evaluate(() => {
        const canvas = document.querySelector<HTMLCanvasElement>('.card-loss canvas');
        const cell = document.querySelector<HTMLElement>('.heat-cell');
        return [canvas?.toDataURL() ?? '', cell?.style.background ?? '', getComputedStyle(document.body).color];
      });
    const dark = await look();
    await page.evaluate(() => window.useTheme('light'));
    await page.waitForTimeout(100);
    const light = await look();
    light.forEach((value, i) => assert.notEqual(value, dark[i]));
    await page.evaluate(() => window.useTheme('dark'));
    await page.waitForTimeout(100);
    assert.deepEqual(await look(), dark);
  });

  for (const width of [400, 900, 1000, 1600]) {
    it(`fits ${width} pixels without scrolling sideways`, async () => {
      for (const scene of ['overlay', 'interrupted', 'starting', 'full', 'large']) {
        if (scene !== 'overlay') await page.close();
        await open(scene, width);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok(wide <= 0, `${scene} is ${wide} pixels too wide`);
        const columns = await page
          .locator('.dashboard')
          .evaluate(element => getComputedStyle(element).gridTemplateColumns);
        assert.equal(columns.split(' ').length, width < 900 ? 1 : 2);
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
    assert.ok(milliseconds < 1000, `${milliseconds} ms`);
  });
});
