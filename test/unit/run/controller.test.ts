import assert from 'node:assert/strict';
import { ProblemError, type Problem } from '../../../src/common/errors';
import type { TrainOutput } from '../../../src/common/run/events';
import { RunController, type RunEnd } from '../../../src/runs/controller';
import { encodeText } from '../../../src/runs/files';
import { RunQueue } from '../../../src/runs/queue';
import { Scheduler } from '../../../src/runs/scheduler';
import { RunStore } from '../../../src/runs/store';
import { MemoryFiles } from './memoryFiles';
import { metrics, started } from './sampleRun';
import { ManualTimer, sampleJobs, ScriptedEngine, settle } from './scriptedEngine';

const event = (one: ReturnType<typeof metrics>): TrainOutput => ({ kind: 'event', event: one });
const checkpoint = (step: number): TrainOutput => ({ kind: 'checkpoint', step, files: { w: encodeText(`${step}`) } });
const result = (stopped = false): TrainOutput => ({ kind: 'result', files: { a: encodeText('adapter') }, stopped });
const request = { folder: 'ws', configPath: 'devil.peft.yaml', configText: 'model: builtin:tiny' };
const deviceLost: Problem = { code: 'device.lost', message: 'The GPU was reset.', hint: '' };

let runs = 0;

function setUp(files = new MemoryFiles(), jobs = sampleJobs(), session = 'here') {
  const engine = new ScriptedEngine();
  const timer = new ManualTimer();
  const store = new RunStore([{ key: 'ws', files }], timer.now);
  const deps = { store, engine, jobs, timer, session, engineVersion: '1', random: () => (runs++ % 100) / 100 };
  const controller = new RunController(deps);
  const problems: string[] = [];
  const ends: RunEnd[] = [];
  controller.onProblem(one => problems.push(one.code));
  controller.onDidEnd(end => ends.push(end));
  return { files, engine, timer, store, controller, problems, ends };
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return error instanceof ProblemError ? error.problem.code : String(error);
}

describe('run controller', () => {
  it('takes a run from its config to its adapter', async () => {
    const { controller, engine, store, files, ends } = setUp();
    const id = await controller.start(request);
    assert.equal(engine.runId, id);
    assert.equal(controller.active?.state, 'starting');
    engine.send(event(started(0, 2)), event(metrics(1)), checkpoint(1), event(metrics(2)), result());
    engine.end();
    await settle();
    const view = await store.view(id);
    assert.deepEqual([view.state, view.metrics.step, view.exported], ['completed', [1, 2], 'adapter']);
    assert.equal(files.text(`.peft/runs/${id}/adapter/a`), 'adapter');
    assert.deepEqual([controller.isBusy, ends.length, files.content.has('.peft/lock.json')], [false, 1, false]);
  });

  it('takes one run at a time', async () => {
    const { controller } = setUp();
    await controller.start(request);
    assert.equal(await codeOf(controller.start(request)), 'run.busy');
  });

  it('takes no command for a run from the line on that says how it ended', async () => {
    const { controller, engine, store } = setUp();
    const id = await controller.start(request);
    const seen: [boolean, Promise<string>][] = [];
    store.onDidAppend(({ events }) => {
      if (events.some(one => one.type === 'state' && one.state === 'completed'))
        seen.push([controller.isClosing, codeOf(controller.command(id, 'stop'))]);
    });
    engine.send(event(started()), result());
    engine.end();
    await settle();
    assert.deepEqual(await Promise.all(seen.map(([, code]) => code)), ['run.notActive']);
    assert.deepEqual([seen[0][0], controller.isClosing, engine.asked.includes('stop')], [true, false, false]);
  });

  it('takes the next run as soon as one has ended, while its files are being closed', async () => {
    const { controller, engine, files, store } = setUp();
    const first = await controller.start(request);
    engine.send(event(started()), result());
    files.delay = () => new Promise(resolve => setTimeout(resolve, 5));
    engine.end();
    while ((await store.view(first)).state !== 'completed') await new Promise(resolve => setTimeout(resolve, 1));
    assert.equal(controller.isBusy, false);
    const removing = store.remove(first, { trash: true });
    assert.notEqual(await controller.start(request), first);
    await removing;
    assert.equal(store.find(first), undefined);
  });

  it('says what is wrong with a config and stays free', async () => {
    const { controller, files } = setUp();
    assert.equal(await codeOf(controller.start({ ...request, configText: 'bad' })), 'config.missingKey');
    assert.deepEqual([controller.isBusy, files.paths()], [false, []]);
  });

  it('records a refused start as a failed run and gives everything back', async () => {
    const { controller, engine, store, files } = setUp();
    engine.refusal = { code: 'gpu.none', message: 'There is no GPU.', hint: 'Run GPU Doctor.' };
    assert.equal(await codeOf(controller.start(request)), 'gpu.none');
    assert.deepEqual(
      store.runs.map(run => [run.summary.state, run.summary.problem?.code]),
      [['failed', 'gpu.none']],
    );
    assert.deepEqual([controller.isBusy, files.content.has('.peft/lock.json')], [false, false]);
  });

  it('pauses, steps, resumes and stops', async () => {
    const { controller, engine, store } = setUp();
    const id = await controller.start(request);
    engine.send(event(started()), event(metrics(1)));
    await controller.command(id, 'pause');
    engine.say('paused');
    await settle();
    assert.equal(controller.active?.state, 'paused');
    await controller.command(id, 'step');
    engine.send(event(metrics(2)));
    engine.say('paused');
    await controller.resume(id);
    engine.say('resumed');
    await settle();
    assert.equal(controller.active.state, 'running');
    await controller.command(id, 'stop');
    await settle();
    assert.equal(controller.active.state, 'stopping');
    engine.send(result(true));
    engine.end();
    await settle();
    assert.deepEqual(engine.asked, ['start', 'pause', 'step', 'resume', 'stop']);
    assert.equal((await store.view(id)).state, 'stopped');
  });

  it('starts again from the last checkpoint when the device is lost, three times', async () => {
    const { controller, engine, store } = setUp();
    const id = await controller.start(request);
    engine.send(event(started()), event(metrics(1)), checkpoint(1), event(metrics(2)));
    for (let count = 0; count < 4; count++) {
      engine.end(deviceLost);
      await settle();
    }
    assert.deepEqual(
      engine.jobs.map(job => job.checkpoint),
      [undefined, ...Array<unknown>(3).fill({ w: encodeText('1') })],
    );
    const view = await store.view(id);
    assert.deepEqual([view.state, view.problem?.code], ['failed', 'device.lost']);
  });

  it('goes on after the engine view was closed', async () => {
    const { controller, engine, store } = setUp();
    const id = await controller.start(request);
    engine.send(event(started()), event(metrics(1)));
    await settle();
    engine.vanish();
    await settle();
    assert.equal(controller.active?.state, 'starting');
    engine.send(event(started()), event(metrics(1)), event(metrics(2)), result());
    engine.end();
    await settle();
    const view = await store.view(id);
    assert.deepEqual([view.state, view.metrics.step], ['completed', [1, 2]]);
  });

  it('does not start again a run that was being stopped', async () => {
    const { controller, engine, store } = setUp();
    const id = await controller.start(request);
    engine.send(event(started()));
    await controller.command(id, 'stop');
    await settle();
    engine.vanish();
    await settle();
    assert.equal((await store.view(id)).state, 'interrupted');
    assert.equal(engine.jobs.length, 1);
  });

  it('holds a run whose writes fail, and loses nothing once there is room', async () => {
    const { controller, engine, store, files, problems } = setUp();
    const id = await controller.start(request);
    engine.send(event(started()), event(metrics(1)));
    await settle();
    files.failWrites = new Error('ENOSPC');
    engine.send(event(metrics(2)), checkpoint(2), event(metrics(3)));
    await settle();
    assert.deepEqual([controller.heldBy?.message, engine.asked.at(-1), problems], ['ENOSPC', 'pause', ['internal']]);
    assert.equal(controller.active?.step, 1);
    engine.send(result());
    engine.end();
    files.failWrites = undefined;
    await controller.resume(id);
    await settle();
    const view = await store.view(id);
    assert.deepEqual([view.state, view.metrics.step, view.checkpoints.length], ['completed', [1, 2, 3], 1]);
  });

  it('lets go of a run whose folder is deleted, with one problem', async () => {
    const { controller, engine, store, files, problems } = setUp();
    const id = await controller.start(request);
    engine.send(event(started()));
    await settle();
    await files.remove(`.peft/runs/${id}`);
    engine.send(event(metrics(1)), event(metrics(2)));
    await settle();
    assert.deepEqual([problems, engine.asked.at(-1), controller.isBusy], [['run.deleted'], 'stop', false]);
    assert.deepEqual([store.find(id), files.paths('.peft/runs')], [undefined, []]);
  });

  it('resumes a run that was cut off from its checkpoint', async () => {
    const first = setUp();
    const id = await first.controller.start(request);
    first.engine.send(event(started()), event(metrics(1)), checkpoint(1), event(metrics(2)));
    await settle();
    const second = setUp(first.files, sampleJobs(), 'later');
    await second.store.refresh();
    assert.deepEqual(await second.store.markInterrupted({ key: 'ws', files: first.files }), [id]);
    await second.controller.resume(id);
    assert.deepEqual(second.engine.jobs[0].checkpoint, { w: encodeText('1') });
    second.engine.send(event(started(1)), event(metrics(2, 0.25)), result());
    second.engine.end();
    await settle();
    const view = await second.store.view(id);
    assert.deepEqual([view.state, view.metrics.loss], ['completed', [5, 0.25]]);
  });

  it('refuses to resume with other data', async () => {
    const first = setUp();
    const id = await first.controller.start(request);
    first.engine.send(event(started()));
    await first.controller.command(id, 'stop');
    first.engine.end();
    await settle();
    const second = setUp(first.files, sampleJobs({ model: 'sha256:m', train: 'sha256:other' }));
    await second.store.refresh();
    assert.equal(await codeOf(second.controller.resume(id)), 'resume.changed');
    assert.equal(second.store.find(id)?.summary.state, 'stopped');
  });
});

describe('two windows on one folder', () => {
  it('say so clearly when the other one is training', async () => {
    const files = new MemoryFiles();
    const first = setUp(files, sampleJobs(), 'first');
    await first.controller.start(request);
    const second = setUp(files, sampleJobs(), 'second');
    second.timer.sleep = () => first.timer.pass(2000);
    assert.equal(await codeOf(second.controller.start(request)), 'run.locked');
    assert.equal(second.controller.isBusy, false);
  });

  for (const [when, torn] of [
    ['before', 0],
    ['after', 1],
  ] as const)
    it(`hold also when the lock is met half-written ${when} the watch`, async () => {
      const files = new MemoryFiles();
      const first = setUp(files, sampleJobs(), 'first');
      await first.controller.start(request);
      const second = setUp(files, sampleJobs(), 'second');
      const read = files.read.bind(files);
      let reads = 0;
      files.read = path =>
        path === '.peft/lock.json' && reads++ === torn ? Promise.resolve(new Uint8Array()) : read(path);
      second.timer.sleep = () => {
        files.read = torn === 0 ? read : () => Promise.resolve(new Uint8Array());
        return Promise.resolve();
      };
      assert.equal(await codeOf(second.controller.start(request)), 'run.locked');
      files.read = read;
      assert.match(files.text('.peft/lock.json'), /"session":"first"/);
    });

  it('does not wait for ever for a window that vanished in the middle of a write', async () => {
    const files = new MemoryFiles();
    files.setText('.peft/lock.json', '{"session":"fi');
    const second = setUp(files, sampleJobs(), 'second');
    second.timer.sleep = () => Promise.resolve();
    await second.controller.start(request);
    assert.match(files.text('.peft/lock.json'), /"session":"second"/);
  });

  it('let a run be taken over when the first one does not answer any more, and keep it from writing', async () => {
    const files = new MemoryFiles();
    const first = setUp(files, sampleJobs(), 'first');
    const id = await first.controller.start(request);
    first.engine.send(event(started()), event(metrics(1)));
    await settle();
    first.engine.answersPings = false;
    const second = setUp(files, sampleJobs(), 'second');
    second.timer.sleep = () => first.timer.pass(10_000);
    await second.store.refresh();
    await second.store.markInterrupted({ key: 'ws', files });
    await second.controller.resume(id);
    const before = files.written.length;
    first.engine.send(event(metrics(2)));
    await settle();
    assert.equal(files.written.length, before);
    assert.equal(first.controller.isBusy, false);
    assert.equal(second.controller.active?.state, 'starting');
  });
});

describe('scheduler', () => {
  const item = (id: string, configText = 'model: builtin:tiny') => ({
    ...request,
    id,
    name: id,
    configText,
    addedAt: 1,
  });

  function withQueue() {
    const parts = setUp();
    const queue = new RunQueue(parts.files, () => undefined);
    const failed: string[] = [];
    const scheduler = new Scheduler(queue, parts.controller, (reason, one) => failed.push(`${one.id} ${reason.code}`));
    return { ...parts, queue, scheduler, failed };
  }

  it('starts the next run when one ends, and goes on past one that cannot start', async () => {
    const { scheduler, queue, engine, failed } = withQueue();
    await scheduler.add(item('a'));
    await scheduler.add(item('b', 'bad'));
    await scheduler.add(item('c'));
    assert.deepEqual([engine.jobs.length, queue.items.length], [1, 2]);
    engine.send(event(started()), result());
    engine.end();
    await settle();
    assert.deepEqual([engine.jobs.length, queue.items.length, failed], [2, 0, ['b config.missingKey']]);
  });

  it('waits after a reload until it is set going', async () => {
    const { files, scheduler, queue } = withQueue();
    await queue.add(item('a'));
    assert.equal(scheduler.isHeld, true);
    const again = new RunQueue(files, () => undefined);
    await again.load();
    assert.equal(again.items.length, 1);
    await scheduler.proceed();
    assert.equal(scheduler.isHeld, false);
  });
});
