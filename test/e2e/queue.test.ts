import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openFile, runCommand, until, waitForRowIn, workbenchReady } from '../workbench/driver';
import { packagedExtension } from '../workbench/example';
import { readRuns, stateOf, stepOf, waitForRun } from '../workbench/runs';
import { shortConfig, shortFiles } from './configs';
import { eventually } from './eventually';
import { useStage } from './stage';

describe('the queue', () => {
  const stage = useStage({ vsix: [packagedExtension()] });

  it('survives a reload, waits, and runs what it holds', async () => {
    // More steps than any machine takes before the reload, which cuts this run off.
    const files = { ...shortFiles(20_000), 'later.peft.yaml': shortConfig(4).replace('name: short', 'name: later') };
    const { page, workspace } = await stage().open(files);
    await openFile(page, 'short.peft.yaml');
    await runCommand(page, 'PEFT: Run This Config');
    await waitForRun(workspace, 'a first step', run => stepOf(run) >= 1);
    await openFile(page, 'later.peft.yaml');
    await runCommand(page, 'PEFT: Queue This Config');
    await until(() => queued(workspace).includes('later'), 'the queue file');

    await page.reload();
    await workbenchReady(page);
    await waitForRowIn(page, 'Queue', /later/);
    await eventually(() => assert.deepEqual(queued(workspace), ['later']));
    assert.equal(readRuns(workspace).length, 1);

    await runCommand(page, 'PEFT: Start Queue');
    const done = await waitForRun(workspace, 'the queued run', run => stateOf(run) === 'completed');
    assert.equal(done.manifest.name, 'later');
    await eventually(() => assert.deepEqual(queued(workspace), []));
  });
});

/** Names in the queue file. */
function queued(workspace: string): string[] {
  try {
    const items = JSON.parse(readFileSync(join(workspace, '.peft/queue.json'), 'utf8')) as { name: string }[];
    return items.map(item => item.name);
  } catch {
    return [];
  }
}
