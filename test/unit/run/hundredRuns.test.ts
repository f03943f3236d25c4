/** What opening a hundred runs costs, counted in files: reading grows with the number of runs, not with their length. */
import assert from 'node:assert/strict';
import { childrenOf, groupRuns } from '../../../src/explorer/runGroups';
import type { Files } from '../../../src/runs/files';
import { RunStore } from '../../../src/runs/store';
import { writeRuns } from '../../app/runFolders';
import { MemoryFiles } from './memoryFiles';

const shape = { steps: 120, done: 120, blocks: 4 };

/** The same files with a list of what was read. */
function counted(files: Files): { files: Files; read: string[] } {
  const read: string[] = [];
  return {
    read,
    files: {
      read: path => {
        read.push(path);
        return files.read(path);
      },
      write: (path, bytes) => files.write(path, bytes),
      rename: (from, to) => files.rename(from, to),
      remove: (path, options) => files.remove(path, options),
      list: path => files.list(path),
      stat: path => files.stat(path),
    },
  };
}

describe('a hundred runs', () => {
  const memory = new MemoryFiles();
  before(() => writeRuns(memory, 100, shape));

  it('are listed from their summaries alone, and grouped for the tree', async () => {
    const { files, read } = counted(memory);
    const store = new RunStore([{ key: 'a', files }], () => 0);
    await store.refresh();
    assert.equal(read.length, 100);
    assert.ok(read.every(path => path.endsWith('/summary.json')));
    const nodes = groupRuns(store.runs, store.broken);
    const rows = nodes.map(node => [node.kind === 'group' ? node.group : node.kind, childrenOf(node).length]);
    assert.deepEqual(rows, [
      ['interrupted', 25],
      ['failed', 25],
      ['completed', 25],
      ['stopped', 25],
    ]);
    const times = store.runs.map(run => run.summary.createdAt);
    assert.deepEqual(
      times,
      times.toSorted((a, b) => b - a),
    );
    assert.equal(new Set(store.runs.map(run => run.summary.name)).size, 100);
    store.dispose();
  });

  it('open one at a time: only that run is read, once', async () => {
    const { files, read } = counted(memory);
    const store = new RunStore([{ key: 'a', files }], () => 0);
    await store.refresh();
    read.length = 0;
    const { id } = store.runs[42];
    const view = await store.view(id);
    assert.deepEqual([view.step, view.metrics.step.length, view.manifest.id], [120, 120, id]);
    assert.ok(read.every(path => path.includes(`/${id}/`)));
    const before = read.length;
    assert.equal(await store.view(id), view);
    assert.equal(read.length, before);
    store.dispose();
  });

  it('whose summaries are gone are read once and have them again', async () => {
    for (const path of memory.paths().filter(name => name.endsWith('/summary.json'))) await memory.remove(path);
    const first = counted(memory);
    const store = new RunStore([{ key: 'a', files: first.files }], () => 0);
    await store.refresh();
    assert.ok(first.read.some(path => path.includes('/events/')));
    first.read.length = 0;
    await store.refresh();
    assert.ok(first.read.every(path => path.endsWith('/summary.json')));
    assert.equal(store.runs.length, 100);
    store.dispose();
  });
});
