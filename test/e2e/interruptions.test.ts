/** Runs that are cut off in every way we know go on from their last checkpoint, and no number of theirs changes. */
import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import { openFile, runCommand, waitForRowIn, webviewFrame, workbenchReady } from '../workbench/driver';
import { packagedExtension, packagedTests } from '../workbench/example';
import { eventsOf, lossesOf, stateOf, stepOf, waitForRun, type RunOnDisk } from '../workbench/runs';
import { shortFiles, shortName } from './configs';
import { eventually } from './eventually';
import { runToEnd } from './mainPath';
import { useStage } from './stage';

const steps = 24;
const weightsOnDisk = 'memory:\n  offload:\n    parameters: disk\n';

describe('interrupted runs', () => {
  const stage = useStage({ vsix: [packagedExtension(), packagedTests] });
  let reference: Map<number, number>;

  before('a run that nothing interrupts', async () => {
    const { page, workspace } = await stage().open(shortFiles(steps));
    reference = lossesOf(await runToEnd(page, workspace));
    assert.equal(reference.size, steps);
    await page.context().close();
  });

  async function startAndReach(page: Page, workspace: string, step: number): Promise<void> {
    await openFile(page, shortName);
    await runCommand(page, 'PEFT: Run This Config');
    await waitForRun(workspace, `step ${step}`, run => stepOf(run) >= step && stepOf(run) < steps);
  }

  async function resumeToEnd(page: Page, workspace: string): Promise<RunOnDisk> {
    await waitForRowIn(page, 'Runs', /interrupted/);
    await runCommand(page, 'PEFT: Resume');
    return waitForRun(workspace, 'the end', run => stateOf(run) === 'completed');
  }

  function assertSameNumbers(run: RunOnDisk): void {
    assert.deepEqual([...lossesOf(run)].sort(byStep), [...reference].sort(byStep));
  }

  function assertResumed(run: RunOnDisk): void {
    const starts = eventsOf(run, 'started').map(event => event.startStep);
    assert.ok(starts.length > 1 && (starts.at(-1) ?? 0) > 0, `started at ${starts.join(', ')}`);
  }

  it('reload of the window', async () => {
    const { page, workspace } = await stage().open(shortFiles(steps));
    await startAndReach(page, workspace, 9);
    await page.reload();
    await workbenchReady(page);
    const run = await resumeToEnd(page, workspace);
    assertResumed(run);
    assertSameNumbers(run);
  });

  it('lost device', async () => {
    const { page, workspace } = await stage().open(shortFiles(steps));
    await startAndReach(page, workspace, 9);
    await runCommand(page, 'PEFT Tests: Lose Device');
    const run = await waitForRun(workspace, 'the end', one => stateOf(one) === 'completed');
    assertResumed(run);
    assertSameNumbers(run);
  });

  it('killed browser with weights on a disk: what it left over is removed', async () => {
    const { page, workspace } = await stage().open(shortFiles(steps, weightsOnDisk));
    await startAndReach(page, workspace, 9);
    assert.equal(await scratchFiles(page), 1);
    await stage().browser.close();
    await stage().restartBrowser();
    const again = await stage().openAgain(workspace);
    const run = await resumeToEnd(again, workspace);
    assertResumed(run);
    assertSameNumbers(run);
    const memory = eventsOf(run, 'memory').at(-1);
    assert.ok((memory?.measured.offloadedDisk ?? 0) > 0);
    assert.deepEqual(memory?.measured, memory?.forecast);
    await eventually(async () => assert.equal(await scratchFiles(again), 0));
  });

  it('closed dashboard and hidden views change nothing', async () => {
    const { page, workspace } = await stage().open(shortFiles(steps));
    await startAndReach(page, workspace, 4);
    await runCommand(page, 'PEFT: Open Dashboard');
    await webviewFrame(page, '.run-header');
    await runCommand(page, 'View: Close All Editors');
    await runCommand(page, 'View: Toggle Primary Side Bar Visibility');
    const run = await waitForRun(workspace, 'the end', one => stateOf(one) === 'completed');
    assert.equal(eventsOf(run, 'started').length, 1);
    assertSameNumbers(run);
  });
});

/** Files for offloaded weights in the browser's private file system, of whichever webview has most. */
async function scratchFiles(page: Page): Promise<number> {
  const count = async () => {
    const root = await navigator.storage.getDirectory();
    const names = (await root.getDirectoryHandle('offloaded')).keys();
    let found = 0;
    while ((await names.next()).done !== true) found++;
    return found;
  };
  const counts = await Promise.all(page.frames().map(frame => frame.evaluate(count).catch(() => 0)));
  return Math.max(...counts);
}

function byStep(a: [number, number], b: [number, number]): number {
  return a[0] - b[0];
}
