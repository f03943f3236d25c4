import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import {
  exists,
  extensionApi,
  idle,
  problemOf,
  readText,
  tinyConfig,
  waitForState,
  workspaceFolder,
  writeRows,
  writeText,
} from './extension';

const folder = () => workspaceFolder().toString();

describe('runs on the real engine', function () {
  this.timeout(300_000);
  before(writeRows);

  it('train from a config to an adapter, and leave a folder that tells all', async () => {
    const api = await extensionApi();
    const uri = await writeText('host.peft.yaml', tinyConfig('host', 3));
    const run = await vscode.commands.executeCommand<string>('peft.run', uri);
    const view = await waitForState(api, run, ['completed', 'failed']);
    assert.equal(view.state, 'completed', view.problem?.message);
    assert.deepEqual(view.metrics.step, [1, 2, 3]);
    assert.deepEqual(view.memory?.measured, view.memory?.forecast);
    assert.deepEqual(
      view.checkpoints.map(one => one.step),
      [2, 3],
    );
    await idle(api);
    const at = `.peft/runs/${run}`;
    assert.equal(await readText(`${at}/config.peft.yaml`), tinyConfig('host', 3));
    for (const name of [
      'run.json',
      'summary.json',
      'adapter/adapter_config.json',
      'adapter/adapter_model.safetensors',
    ]) {
      assert.ok(await exists(`${at}/${name}`), name);
    }
    assert.equal(await exists('.peft/lock.json'), false);
  });

  it('pause, step and go on when told', async () => {
    const api = await extensionApi();
    const request = { folder: folder(), configPath: 'host.peft.yaml', configText: tinyConfig('paused', 12) };
    const run = await api.controller.start(request);
    await waitForState(api, run, ['running']);
    await api.controller.command(run, 'pause');
    const { step } = await waitForState(api, run, ['paused']);
    await api.controller.command(run, 'step');
    const deadline = Date.now() + 60_000;
    while ((await api.store.view(run)).step < step + 1 && Date.now() < deadline) {
      await new Promise(resolve => setTimeout(resolve, 100));
    }
    assert.equal((await api.store.view(run)).step, step + 1);
    await api.controller.command(run, 'stop');
    const view = await waitForState(api, run, ['stopped', 'completed', 'failed']);
    assert.deepEqual([view.state, view.exported], ['stopped', 'adapter']);
  });

  const wrong: [string, string, RegExp][] = [
    [
      'a data file that is missing',
      tinyConfig('x', 1, 'data/none.jsonl'),
      /^data.missing: data.train: data\/none.jsonl /,
    ],
    ['a key that does not exist', `${tinyConfig('x', 1)}colour: red\n`, /line 15: `colour` is not a key/],
    ['a model that is not built in', tinyConfig('x', 1).replace('tiny', 'huge'), /^model.unknownBuiltin/],
    [
      'a model folder that is empty',
      tinyConfig('x', 1).replace('builtin:tiny', './data'),
      /\.\/data has no config.json/,
    ],
  ];
  for (const [what, configText, expected] of wrong) {
    it(`refuse ${what}, say where, and leave no run`, async () => {
      const { controller, store } = await extensionApi();
      const before = store.runs.length;
      const request = { folder: folder(), configPath: 'host.peft.yaml', configText };
      assert.match(await problemOf(controller.start(request)), expected);
      assert.deepEqual([store.runs.length, controller.isBusy, await exists('.peft/lock.json')], [before, false, false]);
    });
  }

  it('are refused while another window trains in the folder, and taken up when that one is gone', async () => {
    const { controller } = await extensionApi();
    let beat = 0;
    const other = () => writeText('.peft/lock.json', JSON.stringify({ session: 'other', beat: beat++, run: 'theirs' }));
    await other();
    const beating = setInterval(() => void other(), 1000);
    const request = { folder: folder(), configPath: 'host.peft.yaml', configText: tinyConfig('locked', 1) };
    const refused = await problemOf(controller.start(request));
    clearInterval(beating);
    assert.match(refused, /^run.locked: Another window is training "theirs"/);
    const api = await extensionApi();
    const run = await controller.start(request);
    assert.equal((await waitForState(api, run, ['completed', 'failed'])).state, 'completed');
    await idle(api);
  });

  it('are gone from the list and the disk when they are deleted', async () => {
    const { store } = await extensionApi();
    const [{ id }] = store.runs;
    await store.remove(id, { trash: false });
    assert.equal(await exists(`.peft/runs/${id}`), false);
  });
});
