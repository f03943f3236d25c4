/** The editor on a config whose run does not fit its budget: what is wrong, the ways out, and where the bytes go. */
import type { Page } from 'playwright-core';
import * as driver from '../workbench/driver';

/** A file of the workspace that needs more than its budget. */
export const tightConfig = 'tight.peft.yaml';

export const tightText = `# Needs more than it may use: see what the editor offers.
model: builtin:tiny
data:
  train: data/devil.train.jsonl
  eval: data/devil.eval.jsonl
  max_length: 128

method:
  type: lora
  r: 16
  lora_alpha: 32

training:
  max_steps: 200
  learning_rate: 2.0e-3
  per_device_train_batch_size: 16
  seed: 1

memory:
  quantization: f16
  gradient_checkpointing: selective
  budget_mib: 48
`;

/** Takes a picture in each theme of what `arrange` leaves on show. */
type Picture = (page: Page, name: string, arrange: () => Promise<unknown>) => Promise<void>;

const batch = ['per_device_train_batch_size', '16'] as const;

/** Pictures of the finding with its CodeLens, of the quick fixes, and of the breakdown behind a memory key. */
export async function showTightConfig(page: Page, picture: Picture): Promise<void> {
  await page.setViewportSize({ width: 1200, height: 700 });
  await driver.openFile(page, tightConfig);
  await driver.waitForLens(page, /Fit to Budget/);
  await driver.waitForSquiggle(page);
  await picture(page, 'budget', () => driver.hoverOver(page, ...batch));
  await picture(page, 'budget-fixes', () => driver.openFixes(page, ...batch));
  await page.keyboard.press('Escape');
  await picture(page, 'budget-hover', () => driver.hoverOver(page, 'budget_mib', '48'));
  await page.setViewportSize(driver.windowSize);
}
