/** What can go wrong while a run is going on: it says so, and everything reported before stays on disk. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { nodeGpu } from '../../src/headless/gpu';
import { openDevice } from '../../webview/engine/runtime/device';
import { eventsOf, lossesOf, readRun, stateOf, type RunOnDisk } from '../workbench/runs';
import { attempt, makeProject, put, snapshot, type Attempt } from './project';

const disk = 'disk';

/** Mounts a disk of `kib` in the project; answers false where that is not permitted. */
function mountDisk(folder: string, kib: number): boolean {
  if (process.platform !== 'linux') return false;
  put(folder, `${disk}/.keep`, '');
  return mount(['-t', 'tmpfs', '-o', `size=${kib}k`, 'tmpfs', join(folder, disk)]);
}

function mount(args: readonly string[]): boolean {
  return spawnSync('mount', args).status === 0;
}

/** Steps with a loss that is on disk, in order. */
function steps(run: RunOnDisk): number[] {
  return [...lossesOf(run).keys()].sort((a, b) => a - b);
}

function assertFailed({ problem, run }: Attempt, code: string, message: RegExp): RunOnDisk {
  assert.equal(problem?.code, code, problem?.message);
  assert.match(problem.message, message);
  assert.match(problem.hint, /^[A-Z].{8,}\.$/);
  assert.ok(run);
  assert.deepEqual(eventsOf(run, 'state').at(-1)?.problem, problem);
  return run;
}

describe('a run of the command line', () => {
  let folder: string;
  beforeEach(() => (folder = makeProject()));
  afterEach(() => {
    spawnSync('umount', [join(folder, disk)]);
    rmSync(folder, { recursive: true });
  });

  it('stops at a loss that is not finite; steps and checkpoints before it are there', async () => {
    const settings = { training: { learning_rate: 1e30, max_grad_norm: 0, save_steps: 1 } };
    const run = assertFailed(
      await attempt(folder, settings),
      'train.nonfinite',
      /^Step \d+: the (loss|gradient norm) is not a finite number/,
    );
    const done = steps(run);
    assert.ok(done.length > 0 && [...lossesOf(run).values()].every(Number.isFinite));
    const saved = eventsOf(run, 'checkpoint').at(-1);
    assert.equal(saved?.step, done.at(-1));
    assert.ok(existsSync(join(run.folder, saved?.path ?? '', 'files.json')));
  });

  it('says that the device was lost, and goes on from its checkpoint', async () => {
    const whole = await attempt(folder, {}, { out: join(folder, 'whole') });
    assert.equal(whole.problem, undefined);
    const opened = await openDevice(nodeGpu());
    const onLine = (line: string) => {
      if (line.includes('"step":3,"loss"')) opened.device.destroy();
    };
    const broken = await attempt(folder, {}, { openDevice: () => Promise.resolve(opened), json: true, onLine });
    const run = assertFailed(broken, 'device.lost', /^The GPU device was lost/);
    assert.deepEqual(steps(run).slice(0, 3), [1, 2, 3]);
    const resume = join(run.folder, 'checkpoints/step-2');
    const rest = await attempt(folder, {}, { out: join(folder, 'rest'), resume });
    assert.ok(rest.run && whole.run);
    const expected = [...lossesOf(whole.run)].filter(([step]) => step > 2);
    assert.deepEqual([...lossesOf(rest.run)], expected);
  });

  it('says that there is no GPU before it makes a folder for nothing', async () => {
    const { problem, run } = await attempt(folder, {}, { openDevice: () => openDevice(undefined) });
    assert.deepEqual([problem?.code, run], ['gpu.none', undefined]);
  });

  it('keeps what it had when the disk is full', async function () {
    if (!mountDisk(folder, 220)) return this.skip();
    const out = join(folder, disk, 'run');
    const settings = { training: { max_steps: 40, save_steps: 1 } };
    const { problem } = await attempt(folder, settings, { out });
    assert.deepEqual(
      [problem?.code, problem?.hint],
      ['disk.full', 'Free some space, then resume with --resume CHECKPOINT.'],
    );
    const run = readRun(out);
    const done = steps(run);
    assert.ok(done.length > 1 && done.length < 40, `${done.length} steps`);
    assert.deepEqual(
      done,
      Array.from(done, (_, index) => index + 1),
    );
    const saved = eventsOf(run, 'checkpoint').at(-1);
    assert.ok(saved);
    assert.ok(mount(['-o', 'remount,size=16m', join(folder, disk)]));
    const resume = join(out, saved.path);
    const rest = await attempt(folder, settings, { out: join(folder, disk, 'rest'), resume });
    assert.equal(rest.problem, undefined, rest.problem?.message);
    assert.equal(rest.run && stateOf(rest.run), 'completed');
  });

  it('says how much disk offloaded weights need before it trains, and leaves none behind', async function () {
    rmSync(folder, { recursive: true });
    folder = makeProject('deep');
    if (!mountDisk(folder, 112)) return this.skip();
    const out = join(folder, disk, 'run');
    const training = { max_steps: 2 };
    const settings = { training, memory: { offload: { parameters: 'disk' } } };
    const refused = await attempt(folder, settings, { out });
    const run = assertFailed(refused, 'disk.full', /^Offloading takes 1 MiB of disk, .*; 0 MiB are free\.$/);
    assert.deepEqual(steps(run), []);
    assert.ok(mount(['-o', 'remount,size=16m', join(folder, disk)]));
    const trained = await attempt(folder, settings, { out: join(folder, disk, 'again') });
    assert.equal(trained.problem, undefined, trained.problem?.message);
    const plain = await attempt(folder, { training });
    assert.ok(trained.run && plain.run);
    assert.deepEqual(lossesOf(trained.run), lossesOf(plain.run));
    const names = readdirSync(trained.run.folder);
    assert.deepEqual(
      names.filter(name => name.includes('offloaded')),
      [],
    );
  });

  it('does not bring a folder back that was deleted under it', async () => {
    const onLine = (line: string) => {
      if (line.includes('"step":3,"loss"')) rmSync(join(folder, 'out'), { recursive: true });
    };
    const { problem, run } = await attempt(folder, {}, { json: true, onLine });
    assert.equal(problem?.code, 'run.deleted');
    assert.match(problem.message, /was deleted while the run was going on/);
    assert.equal(run, undefined);
    assert.equal(existsSync(join(folder, 'out')), false);
  });

  it('does not write into the folder of another run', async () => {
    const settings = { training: { max_steps: 1 } };
    assert.equal((await attempt(folder, settings)).problem, undefined);
    const before = snapshot(join(folder, 'out'));
    const { problem } = await attempt(folder, settings);
    assert.equal(problem?.code, 'run.exists');
    assert.equal(problem.message, 'out already holds a run.');
    assert.deepEqual(snapshot(join(folder, 'out')), before);
  });

  it('counts rows that were cut or left out, and reads a hundred thousand', async () => {
    const row = (index: number) => `{"input_ids": [1, 2, ${1 + (index % 60)}]}\n`;
    const short = Array.from({ length: 100_000 }, (_, index) => row(index)).join('');
    const long = `{"text": "${'w1 w2 '.repeat(40)}"}\n{"prompt": "w1", "completion": "w2"}\n`;
    put(folder, 'rows.jsonl', short);
    put(folder, 'eval.jsonl', `${long.split('\n')[0]}\n{"text": ""}\n`);
    const { problem, run, shown } = await attempt(folder, { training: { max_steps: 1 } });
    assert.equal(problem, undefined, problem?.message);
    const [{ trainRows, skippedRows, truncatedRows }] = run ? eventsOf(run, 'started') : [];
    assert.deepEqual([trainRows, skippedRows, truncatedRows], [100_000, 1, 1]);
    assert.match(shown, /1 row longer than data\.max_length: cut at the end/);
    assert.match(shown, /1 row with nothing to learn: left out/);
  });

  it('leaves nothing half written behind a success', async () => {
    const { run } = await attempt(folder, { training: { max_steps: 2 } });
    assert.ok(run);
    const names = readdirSync(run.folder, { recursive: true, encoding: 'utf8' });
    assert.deepEqual(
      names.filter(name => /partial|tail/.test(name)),
      [],
    );
  });
});
