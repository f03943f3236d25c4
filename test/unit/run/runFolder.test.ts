import assert from 'node:assert/strict';
import { ProblemError } from '../../../src/common/errors';
import type { FileSet } from '../../../src/common/run/events';
import { encodeText } from '../../../src/runs/files';
import { readFileSet, writeFileSet } from '../../../src/runs/fileSets';
import { readManifest } from '../../../src/runs/manifest';
import { createRun, openRun, type RunWriter } from '../../../src/runs/runFolder';
import { readSummary } from '../../../src/runs/summaryFile';
import { MemoryFiles } from './memoryFiles';
import { metrics, sampleConfig, sampleManifest, started } from './sampleRun';

const folder = '.peft/runs/one';
const clock = () => 7;
const init = (training = {}) => ({
  manifest: sampleManifest({ config: sampleConfig(training) }),
  configText: 'model: builtin:tiny # mine\n',
});
const set = (text: string): FileSet => ({ 'adapter.bin': encodeText(text), 'state/rng.bin': encodeText('rng') });

async function create(training = {}): Promise<{ files: MemoryFiles; writer: RunWriter }> {
  const files = new MemoryFiles();
  return { files, writer: await createRun(files, folder, init(training), clock) };
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return error instanceof ProblemError ? error.problem.code : String(error);
}

describe('run folder', () => {
  it('keeps the config as it was written and the manifest as it was meant', async () => {
    const { files } = await create();
    assert.equal(files.text(`${folder}/config.peft.yaml`), 'model: builtin:tiny # mine\n');
    assert.deepEqual(await readManifest(files, folder), init().manifest);
  });

  it('refuses to create a run over another one', async () => {
    const { files } = await create();
    assert.equal(await codeOf(createRun(files, folder, init(), clock)), 'run.exists');
  });

  it('shows after opening what it showed before closing', async () => {
    const { files, writer } = await create();
    await writer.append([{ type: 'state', state: 'starting' }, started(), metrics(1)]);
    await writer.writeCheckpoint(1, set('a'), 3);
    await writer.writeResult(set('b'));
    await writer.append([{ type: 'state', state: 'completed' }]);
    await writer.close();
    const again = await openRun(files, folder, clock);
    assert.deepEqual(again.view, writer.view);
    assert.deepEqual(await readFileSet(files, `${folder}/adapter`), set('b'));
  });

  it('leaves a summary for lists when the run is at rest, none that outlives its events', async () => {
    const { files, writer } = await create();
    await writer.append([started(), metrics(1), { type: 'state', state: 'stopped' }]);
    await writer.close();
    assert.equal((await readSummary(files, folder))?.state, 'stopped');
    const again = await openRun(files, folder, clock);
    await again.append([{ type: 'state', state: 'starting' }]);
    assert.equal(await readSummary(files, folder), undefined);
  });

  for (const text of ['', '{}', 'null', '{"version":1,"events":{"segments":1,"lastSize":1},"summary":null}']) {
    it(`does not believe the summary ${text || '(empty)'}`, async () => {
      const { files, writer } = await create();
      await writer.append([{ type: 'state', state: 'stopped' }]);
      await writer.close();
      files.setText(`${folder}/summary.json`, text);
      assert.equal(await readSummary(files, folder), undefined);
    });
  }

  it('says so when the folder is deleted during the run, and does not bring it back', async () => {
    const { files, writer } = await create();
    await writer.append([started()]);
    await files.remove(folder);
    assert.equal(await codeOf(writer.append([metrics(1)])), 'run.deleted');
    assert.equal(await codeOf(writer.writeCheckpoint(1, set('a'))), 'run.deleted');
    assert.deepEqual(files.paths(), []);
  });

  it('takes away what a write brought back that was under way when the folder was deleted', async () => {
    for (const write of [
      (one: RunWriter) => one.append([metrics(1)]),
      (one: RunWriter) => one.writeCheckpoint(1, set('a')),
    ]) {
      const { files, writer } = await create();
      await writer.append([started()]);
      files.delay = () => {
        files.delay = undefined;
        return files.remove(folder);
      };
      await write(writer).catch(() => undefined);
      assert.equal(await codeOf(writer.append([metrics(2)])), 'run.deleted');
      assert.deepEqual(files.paths(), []);
    }
  });

  it('keeps what somebody left when only its list entry is gone', async () => {
    const { files, writer } = await create();
    await writer.writeCheckpoint(1, set('a'));
    await files.remove(`${folder}/run.json`);
    const before = files.paths();
    assert.equal(await codeOf(writer.append([metrics(2)])), 'run.deleted');
    assert.deepEqual(files.paths(), before);
  });
});

describe('checkpoints', () => {
  it('keep the newest and the best and name what was pruned', async () => {
    const { files, writer } = await create({ save_total_limit: 2 });
    const losses = [5, 1, 4, 3, 2];
    for (const [index, loss] of losses.entries()) await writer.writeCheckpoint(index + 1, set(String(loss)), loss);
    assert.deepEqual(
      writer.view.checkpoints.map(one => [one.step, one.best]),
      [
        [2, true],
        [4, false],
        [5, false],
      ],
    );
    const folders = (await files.list(`${folder}/checkpoints`)).map(entry => entry.name);
    assert.deepEqual(folders, ['step-2', 'step-4', 'step-5']);
  });

  it('resume from the newest one that is whole', async () => {
    const { files, writer } = await create();
    for (const step of [1, 2, 3]) await writer.writeCheckpoint(step, set(`at ${step}`));
    files.setText(`${folder}/checkpoints/step-3/adapter.bin`, 'at x');
    files.content.delete(`${folder}/checkpoints/step-2/state/rng.bin`);
    assert.deepEqual(await writer.lastCheckpoint(), { step: 1, files: set('at 1') });
    assert.deepEqual(
      writer.view.warnings.map(one => one.message),
      [
        `${folder}/checkpoints/step-3 cannot be used: adapter.bin has changed since it was written.`,
        `${folder}/checkpoints/step-2 cannot be used: state/rng.bin is missing.`,
      ],
    );
  });

  it('are never half there: a write that is cut off leaves the earlier one', async () => {
    const { files, writer } = await create();
    await writer.writeCheckpoint(1, set('whole'));
    files.tear = { path: /step-2\.partial\/state/, bytes: 1 };
    await assert.rejects(writer.writeCheckpoint(2, set('torn')));
    assert.equal((await writer.lastCheckpoint())?.step, 1);
    await writer.writeCheckpoint(2, set('again'));
    assert.deepEqual(await writer.lastCheckpoint(), { step: 2, files: set('again') });
  });

  for (const name of ['../evil', '/etc/passwd', 'a/../../b', 'c:\\x', 'a//b', '', 'files.json']) {
    it(`refuse the file name "${name}"`, async () => {
      const files = new MemoryFiles();
      assert.equal(await codeOf(writeFileSet(files, 'folder', { [name]: encodeText('x') })), 'files.badName');
      assert.deepEqual(
        files.paths('folder').filter(path => !path.startsWith('folder.partial')),
        [],
      );
    });
  }

  it('refuse a list of files that points elsewhere', async () => {
    const files = new MemoryFiles();
    files.setText('folder/files.json', JSON.stringify({ '../../secret': { size: 1, hash: 'sha256:0' } }));
    assert.equal(await codeOf(readFileSet(files, 'folder')), 'files.damaged');
  });
});

describe('manifest', () => {
  const cases: [string, string | undefined, string][] = [
    ['is missing', undefined, 'run.noManifest'],
    ['is not JSON', '{', 'run.badManifest'],
    ['lacks its config', '{"id":"a","name":"a","createdAt":1}', 'run.badManifest'],
    ['is a list', '[]', 'run.badManifest'],
  ];
  for (const [what, text, code] of cases) {
    it(`gives one clear problem when it ${what}`, async () => {
      const files = new MemoryFiles();
      if (text !== undefined) files.setText('run/run.json', text);
      assert.equal(await codeOf(readManifest(files, 'run')), code);
    });
  }
});
