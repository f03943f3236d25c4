/** Disks that fill up and folders that vanish while the real engine trains. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as vscode from 'vscode';
import type { Problem } from '../../src/common/errors';
import {
  exists,
  extensionApi,
  idle,
  readText,
  tinyConfig,
  waitForState,
  workspaceFolder,
  writeRows,
  writeText,
} from './extension';

const request = (configText: string) => ({
  folder: workspaceFolder().toString(),
  configPath: 'failures.peft.yaml',
  configText,
});

async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = Date.now() + 240_000;
  while (!(await holds())) {
    assert.ok(Date.now() < deadline, `waited for ${what}`);
    await new Promise(resolve => setTimeout(resolve, 100));
  }
}

function mount(...args: string[]): boolean {
  return process.platform === 'linux' && spawnSync('mount', args).status === 0;
}

describe('runs that lose their disk', function () {
  this.timeout(300_000);
  before(writeRows);

  it('wait when it is full and go on when there is room, without a gap', async function () {
    await writeText('.peft/keep', '');
    const disk = vscode.Uri.joinPath(workspaceFolder(), '.peft').fsPath;
    if (!mount('-t', 'tmpfs', '-o', 'size=600k', 'tmpfs', disk)) return this.skip();
    const { controller, ...api } = await extensionApi();
    try {
      const run = await controller.start(request(tinyConfig('full', 8)));
      await until(() => controller.heldBy !== undefined, 'a full disk');
      assert.equal(controller.heldBy?.code, 'disk.full', controller.heldBy?.message);
      assert.match(controller.heldBy.message, /^\.peft\/runs\/\S+ could not be written: the disk is full/);
      const before = (await api.store.view(run)).step;
      assert.ok(before > 0 && before < 8, `held at step ${before}`);
      assert.ok(mount('-o', 'remount,size=32m', disk));
      await controller.command(run, 'resume');
      const view = await waitForState({ controller, ...api }, run, ['completed', 'failed']);
      assert.equal(view.state, 'completed', view.problem?.message);
      assert.deepEqual(view.metrics.step, [1, 2, 3, 4, 5, 6, 7, 8]);
      await idle({ controller, ...api });
      assert.equal((await readText(`.peft/runs/${run}/events/000001.jsonl`)).match(/"type":"started"/g)?.length, 1);
    } finally {
      spawnSync('umount', ['-l', disk]);
      await api.store.refresh();
    }
  });

  it('let go when their folder is deleted; rows from outside the workspace are a warning', async () => {
    const outside = mkdtempSync(join(tmpdir(), 'peft-outside-'));
    writeFileSync(join(outside, 'rows.jsonl'), await readText('data/three.jsonl'));
    const { controller, ...api } = await extensionApi();
    const problems: Problem[] = [];
    const listening = controller.onProblem(one => problems.push(one));
    try {
      const run = await controller.start(request(tinyConfig('gone', 500, join(outside, 'rows.jsonl'))));
      const { warnings } = await waitForState({ controller, ...api }, run, ['running']);
      assert.match(
        warnings.map(({ code, message }) => `${code}: ${message}`).join('\n'),
        /^path\.outside: ".*rows\.jsonl" is outside the workspace folder/,
      );
      await vscode.workspace.fs.delete(vscode.Uri.joinPath(workspaceFolder(), '.peft/runs', run), { recursive: true });
      await until(() => !controller.isBusy, 'the end of the run');
      assert.deepEqual(
        problems.map(one => one.code),
        ['run.deleted'],
      );
      assert.match(
        `${problems[0].message} ${problems[0].hint}`,
        /was deleted while the run was going on.*Start it again/,
      );
      await until(async () => !(await exists('.peft/lock.json')), 'the lock to be given back');
      assert.equal(await exists(`.peft/runs/${run}`), false);
    } finally {
      listening.dispose();
      rmSync(outside, { recursive: true });
    }
  });
});
