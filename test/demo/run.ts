/** The main job as a person does it, in a real workbench, with a picture of every surface on the way. */
import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { root } from '../tools/process.mjs';
import { launchBrowser } from '../tools/chrome.mjs';
import * as driver from '../workbench/driver';
import { exampleWorkspace, packagedExtension } from '../workbench/example';
import { eventsOf, stateOf, stepOf, waitForRun, type RunOnDisk } from '../workbench/runs';
import { startWorkbench } from '../workbench/server';
import { showTightConfig, tightConfig, tightText } from './editorMemory';
import { broken, summarize } from './summary';

const out = join(root, 'demo-out');
const config = 'lora.peft.yaml';

interface Stage {
  readonly page: Page;
  readonly workspace: string;
}

/** Runs the demo, or only its part about the config editor; throws when something it promises does not hold. */
export async function runDemo(part: 'whole' | 'editor' = 'whole'): Promise<void> {
  if (part === 'whole') rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  const workspace = exampleWorkspace({ [tightConfig]: tightText });
  say(`opening ${workspace} in VS Code`);
  const workbench = await startWorkbench({ vsix: [packagedExtension()], theme: 'dark' });
  const browser = await launchBrowser();
  try {
    const page = await driver.openWindow(browser, workbench.url(workspace));
    const act = part === 'whole' ? play : showEditor;
    await act({ page, workspace }).catch(async error => {
      await page.screenshot({ path: join(out, 'failure.png') });
      writeFileSync(join(out, 'server.log'), workbench.log());
      throw error;
    });
  } finally {
    await browser.close();
    await workbench.stop();
  }
}

async function play(stage: Stage): Promise<void> {
  await showEditor(stage);
  await driver.runCommand(stage.page, 'PEFT: Run This Config');
  say('run started');
  const half = (run: RunOnDisk): boolean => stepOf(run) >= stepsOf(run) / 2;
  await waitForRun(stage.workspace, 'the middle of the run', half, { seconds: 1200, onLook: progress });
  await showDashboard(stage, 'running');
  const ended = (run: RunOnDisk): boolean => stateOf(run) === 'completed';
  const run = await waitForRun(stage.workspace, 'the end of the run', ended, { seconds: 1200, onLook: progress });
  await showDashboard(stage, 'completed');
  await exportAdapter(stage, run.manifest.name);
  cpSync(run.folder, join(out, 'run'), { recursive: true });
  const summary = summarize(run, 'adapter');
  writeFileSync(join(out, 'summary.json'), `${JSON.stringify(summary, undefined, 2)}\n`);
  console.log(JSON.stringify(summary, undefined, 2));
  const problems = broken(summary);
  if (problems.length > 0) throw new Error(problems.join(' '));
  say(`done; see ${out}`);
}

/** The config editor with its CodeLens, and with a diagnostic and its hover for an update scaled too strongly. */
async function showEditor({ page }: Stage): Promise<void> {
  await driver.openFile(page, config);
  await driver.waitForLens(page, /Run/);
  await driver.replaceWord(page, 'lora_alpha', '32', '320');
  await driver.waitForSquiggle(page);
  await inBothThemes(page, 'config-editor', () => driver.hoverOver(page, 'lora_alpha', '320'));
  await driver.runCommand(page, 'File: Revert File');
  await showTightConfig(page, inBothThemes);
}

/** The dashboard beside the runs tree: its top, its bottom, and the side bar on its own. */
async function showDashboard({ page }: Stage, moment: string): Promise<void> {
  if (moment === 'completed') await notice(page);
  await driver.runCommand(page, 'Notifications: Clear All Notifications');
  await driver.runCommand(page, 'PEFT: Open Dashboard');
  const frame = await driver.webviewFrame(page, '.run-header');
  await frame.locator('canvas').first().waitFor();
  await inBothThemes(page, `dashboard-${moment}`);
  await page.locator('.part.sidebar').screenshot({ path: join(out, `explorer-${moment}.png`) });
  await frame.locator('body').evaluate(body => body.ownerDocument.defaultView?.scrollTo(0, body.scrollHeight));
  await inBothThemes(page, `dashboard-${moment}-below`);
  await frame.locator('body').evaluate(body => body.ownerDocument.defaultView?.scrollTo(0, 0));
}

/** Waits for the notice that the run is done, which comes a moment after its last byte; a short run has none. */
async function notice(page: Page): Promise<void> {
  const toast = page.locator('.notification-toast', { hasText: 'is done' }).first();
  await toast.waitFor({ timeout: 10_000 }).catch(() => undefined);
}

async function exportAdapter({ page, workspace }: Stage, name: string): Promise<void> {
  await driver.runCommand(page, 'PEFT: Export Adapter…');
  await driver.chooseFolder(page, workspace, 'Export Here');
  const target = join(workspace, `${name}-adapter`);
  const file = join(target, 'adapter_model.safetensors');
  await driver.until(() => existsSync(file), `the exported adapter at ${file}`);
  cpSync(target, join(out, 'adapter'), { recursive: true });
  say('adapter exported');
}

/** A picture in each theme, of what `arrange` leaves on show. */
async function inBothThemes(page: Page, name: string, arrange?: () => Promise<unknown>): Promise<void> {
  for (const theme of ['light', 'dark'] as const) {
    await driver.showTheme(page, theme);
    await arrange?.();
    await page.waitForTimeout(1000);
    await page.screenshot({ path: join(out, `${name}-${theme}.png`) });
  }
}

function stepsOf(run: RunOnDisk): number {
  return eventsOf(run, 'started').at(-1)?.totalSteps ?? Number.POSITIVE_INFINITY;
}

let shown = 0;

/** A line every ten steps. */
function progress(run: RunOnDisk | undefined): void {
  const last = run && eventsOf(run, 'metrics').at(-1);
  if (!last || last.step < shown + 10) return;
  shown = last.step;
  say(
    `step ${last.step} of ${stepsOf(run)}, loss ${last.loss.toFixed(3)}, ${Math.round(last.tokensPerSecond)} tokens/s`,
  );
}

function say(text: string): void {
  console.log(`demo: ${text}`);
}
