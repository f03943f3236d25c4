/** The estimate page in a real browser with the engine's own planner: toggles, scenarios, Apply, keyboard, every state. */
import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import { startEstimatePreview } from '../app/estimate/serve.mjs';
import { eventually } from './eventually';
import { usePreview } from './previewPages';

interface HarnessWindow {
  readonly asked: readonly { readonly method: string; readonly params: { content?: string; line?: number } }[];
  readonly kept: { readonly scenarios: readonly unknown[] };
  readonly written: string;
  type(text: string): void;
}
declare const window: HarnessWindow;

describe('estimate page', () => {
  const openScene = usePreview(startEstimatePreview);
  let page: Page;

  async function open(scene: string, width = 1280, theme = 'dark'): Promise<void> {
    page = await openScene(scene, { width, theme });
    await page.locator('.estimate:visible, .stage:visible').first().waitFor({ timeout: 10_000 });
  }

  const titles = () => page.locator('.estimate h3').allInnerTexts();
  const status = () => page.locator('.estimate-header .status').innerText();
  const written = () => page.evaluate(() => window.written);
  const control = (key: string) => page.locator(`.control[data-key="${key}"]`);
  const choose = (key: string, value: string) =>
    control(key)
      .locator('.segmented label', { hasText: new RegExp(`^${value}$`) })
      .click();

  for (const width of [400, 1600]) {
    for (const theme of ['dark', 'light', 'contrast']) {
      it(`fits ${width} pixels in ${theme}`, async () => {
        await open('compared', width, theme);
        const beyond = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
        assert.ok(beyond <= 0, `${beyond} pixels too wide`);
        const widths = await page
          .locator('.estimate .bar:first-child')
          .evaluateAll(bars => bars.map(bar => [...bar.children].reduce((sum, part) => sum + part.clientWidth, 0)));
        assert.equal(widths.length, 4);
        assert.ok(widths.every(bar => bar > 0) && widths[1] < widths[0], widths.join());
      });
    }
  }

  it('follows a toggle at once, and puts it back', async () => {
    await open('budget');
    assert.deepEqual(await titles(), ['As it is']);
    assert.match(await status(), /over the budget$/);
    await choose('memory.gradient_checkpointing', 'block');
    await eventually(async () => assert.deepEqual(await titles(), ['As it is', 'With these changes']));
    assert.match(await status(), /→ .*fits, \d+ % of the budget$/);
    assert.match(await control('memory.gradient_checkpointing').innerText(), /none in the config/);
    await page.getByRole('button', { name: 'Put gradient_checkpointing back' }).click();
    await eventually(async () => assert.deepEqual(await titles(), ['As it is']));
  });

  it('draws the budget and what waits in host memory', async () => {
    await open('compared');
    assert.equal(await page.locator('.estimate .budget-line').count(), 4);
    const host = page.getByRole('img', { name: /^Scenario 2, host and disk: offloaded/ });
    assert.equal(await host.count(), 1);
    assert.match(await page.locator('.estimate').last().innerText(), /in host memory · a step sends .* to the GPU/);
  });

  it('keeps scenarios, takes one up again and removes one', async () => {
    await open('budget');
    await choose('memory.quantization', 'nf4');
    await page.getByRole('button', { name: 'Add Scenario' }).click();
    await eventually(async () => assert.deepEqual(await titles(), ['As it is', 'Scenario 1']));
    await page.getByRole('button', { name: 'Reset' }).click();
    await eventually(async () => assert.equal(await control('memory.quantization').getAttribute('class'), 'control'));
    await page.getByRole('button', { name: 'Use Scenario 1' }).click();
    await eventually(async () => assert.match(await control('memory.quantization').innerText(), /none in the config/));
    await page.getByRole('button', { name: 'Remove Scenario 1' }).click();
    await eventually(async () => assert.deepEqual(await titles(), ['As it is', 'With these changes']));
    assert.equal(await page.evaluate(() => window.kept.scenarios.length), 0);
  });

  it('writes the changes into the config, comments kept, and has none left', async () => {
    await open('budget');
    await choose('training.per_device_train_batch_size', '1');
    await control('data.max_length').locator('input').fill('256');
    await eventually(async () => assert.match(await status(), /→/));
    await page.getByRole('button', { name: 'Apply to Config' }).click();
    await eventually(async () => assert.match(await written(), /max_length: 256 # letters are short/));
    assert.match(await written(), /per_device_train_batch_size: 1\n {2}gradient_accumulation_steps: 8\n/);
    await eventually(async () => assert.deepEqual(await titles(), ['As it is']));
    assert.equal(await page.getByRole('button', { name: 'Apply to Config' }).getAttribute('disabled'), '');
  });

  it('is worked from the keyboard and says what a key does', async () => {
    await open('budget');
    await control('memory.gradient_checkpointing').locator('input:checked').focus();
    await page.keyboard.press('ArrowRight');
    await eventually(async () => assert.match(await status(), /→/));
    assert.match(
      await page.locator('.control-help').innerText(),
      /^memory\.gradient_checkpointing What the forward pass keeps/,
    );
    const focused = await page.evaluate(() => (document.activeElement as HTMLInputElement | null)?.value);
    assert.equal(focused, '1', 'the focus stays on the choice');
  });

  it('offers the size of another method', async () => {
    await open('budget');
    await control('method.type').locator('select').selectOption({ label: 'prefix' });
    await eventually(async () =>
      assert.equal(await control('method.num_virtual_tokens').locator('input').inputValue(), '20'),
    );
    assert.equal(await control('method.r').count(), 0);
  });

  it('has a table behind the bars, and saves it', async () => {
    await open('compared');
    await page.getByRole('button', { name: 'Memory at peak as a table' }).click();
    const cells = await page.locator('.card-estimates tr', { hasText: 'GPU total' }).locator('td').allInnerTexts();
    assert.equal(cells.length, 4);
    assert.ok(
      cells.every(cell => Number(cell) > 1e8),
      cells.join(),
    );
    await page.getByRole('button', { name: 'Save as CSV…' }).click();
    await eventually(async () => {
      const [saved] = await page.evaluate(() => window.asked.filter(({ method }) => method === 'save'));
      assert.match(saved.params.content ?? '', /^,As it is,With these changes,Scenario 1,Scenario 2\r\nweights,/);
    });
  });

  it('follows the document, also through errors', async () => {
    await open('budget');
    const text = await written();
    await page.evaluate(broken => window.type(broken), text.replace('r: 16', 'r: many'));
    await page.getByText('letters has errors').waitFor();
    await page.evaluate(repaired => window.type(repaired), text.replace('r: 16', 'r: 4'));
    await eventually(async () => assert.equal(await control('method.r').locator('input').inputValue(), '4'));
  });

  it('says why there are no numbers, with a way to the line', async () => {
    await open('broken');
    await page.locator('.troubles li', { hasText: 'Did you mean lora_alpha?' }).locator('button').click();
    await eventually(async () => {
      const [opened] = await page.evaluate(() => window.asked.map(({ params }) => params));
      assert.equal(opened.line, 9);
    });
    await open('modelless');
    await page.getByText('The folder models/SmolLM2-135M does not exist.').waitFor();
    await open('loading');
    await page.getByText('Planning the run.').waitFor();
  });
});
