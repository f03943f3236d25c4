import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { chooseFolder, openFile, runCommand, until, webviewFrame } from '../workbench/driver';
import { eventsOf, lossesOf, stateOf, waitForRun, type RunOnDisk } from '../workbench/runs';
import { shortName } from './configs';
import { eventually } from './eventually';

/** Runs the short config through the palette and follows it to its end. */
export async function runToEnd(page: Page, workspace: string): Promise<RunOnDisk> {
  await openFile(page, shortName);
  await runCommand(page, 'PEFT: Run This Config');
  return waitForRun(workspace, 'the end of the run', run => stateOf(run) === 'completed');
}

/** The main job: run, dashboard, result, export; the same for every build of the extension. */
export async function mainPath(page: Page, workspace: string, steps: number): Promise<void> {
  const run = await runToEnd(page, workspace);
  const losses = [...lossesOf(run).values()];
  assert.equal(losses.length, steps);
  assert.ok(losses.every(Number.isFinite));
  assert.ok(losses[steps - 1] < losses[0], `loss went from ${losses[0]} to ${losses[steps - 1]}`);
  const memory = eventsOf(run, 'memory').at(-1);
  assert.deepEqual(memory?.measured, memory?.forecast);
  assert.ok(existsSync(join(run.folder, 'adapter/adapter_model.safetensors')));
  await checkDashboard(page);
  await checkExport(page, workspace);
}

async function checkDashboard(page: Page): Promise<void> {
  await runCommand(page, 'PEFT: Open Dashboard');
  const frame = await webviewFrame(page, '.run-header');
  await frame.locator('.pill', { hasText: 'completed' }).waitFor();
  await frame.locator('canvas').first().waitFor();
}

async function checkExport(page: Page, workspace: string): Promise<void> {
  const target = join(workspace, 'short-adapter');
  await runCommand(page, 'PEFT: Export Adapter…');
  await chooseFolder(page, workspace, 'Export Here');
  const file = join(target, 'adapter_config.json');
  await until(() => existsSync(file), `the exported adapter in ${target}`);
  // The file is there before all of its bytes are.
  await eventually(() => {
    const config = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
    assert.equal(config.peft_type, 'LORA');
    assert.equal(config.r, 4);
  });
}
