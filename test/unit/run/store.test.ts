import assert from 'node:assert/strict';
import { ProblemError } from '../../../src/common/errors';
import { createRun } from '../../../src/runs/runFolder';
import { RunStore } from '../../../src/runs/store';
import { MemoryFiles } from './memoryFiles';
import { metrics, sampleManifest, started } from './sampleRun';

const clock = () => 9;
const root = (files: MemoryFiles, key = 'a') => ({ key, files });
const init = (id: string, createdAt = 1) => ({ manifest: sampleManifest({ id, createdAt }), configText: 'x' });

async function storeOf(...files: MemoryFiles[]): Promise<RunStore> {
  const store = new RunStore(
    files.map((one, index) => root(one, String(index))),
    clock,
  );
  await store.refresh();
  return store;
}

async function finishedRun(files: MemoryFiles, id: string, createdAt: number, steps = 3): Promise<void> {
  const writer = await createRun(files, `.peft/runs/${id}`, init(id, createdAt), clock);
  await writer.append([started(0, steps), ...Array.from({ length: steps }, (_, index) => metrics(index + 1))]);
  await writer.append([{ type: 'state', state: 'completed' }]);
  await writer.close();
}

describe('run store', () => {
  it('lists the runs of all folders, newest first', async () => {
    const [here, there] = [new MemoryFiles(), new MemoryFiles()];
    await finishedRun(here, 'old', 1);
    await finishedRun(there, 'new', 2);
    const store = await storeOf(here, there);
    assert.deepEqual(
      store.runs.map(run => [run.id, run.root.key, run.summary.state, run.summary.step]),
      [
        ['new', '1', 'completed', 3],
        ['old', '0', 'completed', 3],
      ],
    );
  });

  it('names folders that are no runs and shows the others', async () => {
    const files = new MemoryFiles();
    await finishedRun(files, 'good', 1);
    files.setText('.peft/runs/bad/run.json', 'rubbish');
    files.setText('.peft/runs/empty/note.txt', '');
    const store = await storeOf(files);
    assert.deepEqual(
      store.runs.map(run => run.id),
      ['good'],
    );
    assert.deepEqual(
      store.broken.map(one => [one.id, one.problem.code]),
      [
        ['bad', 'run.badManifest'],
        ['empty', 'run.noManifest'],
      ],
    );
  });

  it('reads summaries, not events, of a hundred finished runs', async () => {
    const files = new MemoryFiles();
    for (let index = 0; index < 100; index++) await finishedRun(files, `run-${index}`, index);
    const reads: string[] = [];
    const read = files.read.bind(files);
    files.read = path => {
      reads.push(path);
      return read(path);
    };
    const store = await storeOf(files);
    assert.equal(store.runs.length, 100);
    assert.deepEqual(
      reads.filter(path => path.includes('/events/')),
      [],
    );
  });

  it('rebuilds a summary that is gone', async () => {
    const files = new MemoryFiles();
    await finishedRun(files, 'one', 1);
    files.content.delete('.peft/runs/one/summary.json');
    const store = await storeOf(files);
    assert.equal(store.runs[0].summary.step, 3);
    assert.ok(files.content.has('.peft/runs/one/summary.json'));
  });

  it('folds a run when it is looked at, and shows damage as warnings', async () => {
    const files = new MemoryFiles();
    await finishedRun(files, 'one', 1);
    const path = '.peft/runs/one/events/000001.jsonl';
    files.setText(path, files.text(path).replace(/^.*"step":2.*\n/m, 'damaged\n'));
    const view = await (await storeOf(files)).view('one');
    assert.deepEqual(view.metrics.step, [1, 3]);
    assert.deepEqual(
      view.warnings.map(one => one.code),
      ['journal.unreadable', 'journal.gap'],
    );
  });

  it('announces appended events after they are on disk', async () => {
    const files = new MemoryFiles();
    const store = await storeOf(files);
    const heard: string[] = [];
    store.onDidAppend(({ runId, events }) => {
      const disk = files
        .paths(`.peft/runs/${runId}/events`)
        .map(path => files.text(path))
        .join('');
      for (const event of events) {
        assert.ok(disk.includes(`"seq":${event.seq}`));
        heard.push(`${runId} ${event.type}`);
      }
    });
    const writer = await store.create(root(files, '0'), init('live'));
    await writer.append([started(), metrics(1)]);
    assert.deepEqual(heard, ['live started', 'live metrics']);
    assert.equal((await store.view('live')).step, 1);
    assert.equal(store.find('live')?.summary.step, 1);
  });

  it('keeps a live run in the list while folders are read again', async () => {
    const files = new MemoryFiles();
    const store = await storeOf(files);
    const refreshing = store.refresh();
    await store.create(root(files, '0'), init('live'));
    await refreshing;
    assert.ok(store.find('live'));
  });

  it('marks runs that were cut off, with all they had, and leaves the one being written alone', async () => {
    const files = new MemoryFiles();
    const crashed = await createRun(files, '.peft/runs/cut', init('cut'), clock);
    await crashed.append([{ type: 'state', state: 'running' }, started(), metrics(1), metrics(2)]);
    const store = await storeOf(files);
    const live = await store.create(root(files, '0'), init('live', 2));
    await live.append([{ type: 'state', state: 'running' }]);
    assert.deepEqual(await store.markInterrupted(root(files, '0')), ['cut']);
    const view = await store.view('cut');
    assert.deepEqual([view.state, view.metrics.step], ['interrupted', [1, 2]]);
    assert.equal((await store.view('live')).state, 'running');
  });

  it('goes on with the numbering of a run that is opened again', async () => {
    const files = new MemoryFiles();
    await finishedRun(files, 'one', 1);
    const store = await storeOf(files);
    const before = (await store.view('one')).seq;
    const writer = await store.open('one');
    await writer.append([{ type: 'state', state: 'starting' }]);
    assert.equal(writer.view.seq, before + 1);
    await assert.rejects(store.open('one'), /going on already/);
    await store.release('one');
    assert.equal((await (await storeOf(files)).view('one')).seq, before + 1);
  });

  it('deletes a run at rest, refuses one that is going on', async () => {
    const files = new MemoryFiles();
    await finishedRun(files, 'one', 1);
    const store = await storeOf(files);
    await store.create(root(files, '0'), init('live', 2));
    await assert.rejects(store.remove('live', { trash: true }), ProblemError);
    await store.remove('one', { trash: true });
    assert.deepEqual(
      store.runs.map(run => run.id),
      ['live'],
    );
    assert.deepEqual(files.paths('.peft/runs/one'), []);
  });
});
