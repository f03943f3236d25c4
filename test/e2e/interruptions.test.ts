/** Runs that are cut off in every way we know go on from their last checkpoint, and no number of theirs changes. */
import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import { openFile, runCommand, waitForRowIn, webviewFrame, workbenchReady } from '../workbench/driver';
import { packagedExtension, packagedTests } from '../workbench/example';
import { eventsOf, lossesOf, stateOf, stepOf, waitForRun, type RunOnDisk } from '../workbench/runs';
import { shortFiles, shortName } from './configs';
import { runToEnd } from './mainPath';
import { useStage } from './stage';

const steps = 24;

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

  it('killed browser', async () => {
    const { page, workspace } = await stage().open(shortFiles(steps));
    await startAndReach(page, workspace, 9);
    await stage().browser.close();
    await stage().restartBrowser();
    const run = await resumeToEnd(await stage().openAgain(workspace), workspace);
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

function byStep(a: [number, number], b: [number, number]): number {
  return a[0] - b[0];
}
