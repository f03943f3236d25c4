import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Problem } from '../../../src/common/errors';
import { RunQueue, type QueueItem } from '../../../src/runs/queue';
import { MemoryFiles } from './memoryFiles';

const path = '.peft/queue.json';
const item = (id: string): QueueItem => ({ id, name: id, folder: 'f', configPath: 'c', configText: 't', addedAt: 1 });

async function queueOf(files: MemoryFiles, ...ids: string[]): Promise<{ queue: RunQueue; problems: Problem[] }> {
  const problems: Problem[] = [];
  const queue = new RunQueue(files, one => problems.push(one));
  await queue.load();
  for (const id of ids) await queue.add(item(id));
  return { queue, problems };
}

const ids = (queue: RunQueue) => queue.items.map(one => one.id).join('');

describe('queue', () => {
  it('survives a reload in its order', async () => {
    const files = new MemoryFiles();
    const { queue } = await queueOf(files, 'a', 'b', 'c');
    await queue.move(['c'], 'a');
    await queue.remove(['b']);
    const { queue: again } = await queueOf(files);
    assert.deepEqual(again.items, [item('c'), item('a')]);
  });

  const moves: [string[], string | undefined, string][] = [
    [['d'], 'a', 'dabc'],
    [['a'], undefined, 'bcda'],
    [['a', 'c'], 'd', 'bacd'],
    [['c', 'a'], 'b', 'acbd'],
    [['b'], 'b', 'abcd'],
    [['x'], 'a', 'abcd'],
    [['a'], 'gone', 'bcda'],
  ];
  for (const [moved, before, expected] of moves) {
    it(`moves ${moved.join()} before ${before ?? 'nothing'}`, async () => {
      const { queue } = await queueOf(new MemoryFiles(), 'a', 'b', 'c', 'd');
      await queue.move(moved, before);
      assert.equal(ids(queue), expected);
    });
  }

  it('never loses or doubles an item by moving', async () => {
    const names = ['a', 'b', 'c', 'd', 'e'];
    await fc.assert(
      fc.asyncProperty(fc.subarray(names), fc.constantFrom(...names, undefined), async (moved, before) => {
        const { queue } = await queueOf(new MemoryFiles(), ...names);
        await queue.move(moved, before);
        assert.equal([...ids(queue)].sort().join(''), 'abcde');
      }),
    );
  });

  it('hands items out in order and removes its file with the last one', async () => {
    const files = new MemoryFiles();
    const { queue } = await queueOf(files, 'a', 'b');
    assert.equal((await queue.shift())?.id, 'a');
    assert.ok(files.text(path).includes('"b"'));
    assert.equal((await queue.shift())?.id, 'b');
    assert.equal(await queue.shift(), undefined);
    assert.equal(files.content.has(path), false);
  });

  for (const text of ['', '{', '{}', '7', '[1,null,{"id":"a"}]']) {
    it(`reports the file ${text || '(empty)'} and starts without it`, async () => {
      const files = new MemoryFiles();
      files.setText(path, text);
      const { queue, problems } = await queueOf(files);
      assert.equal(ids(queue), '');
      assert.deepEqual(
        problems.map(one => one.code),
        ['queue.damaged'],
      );
    });
  }

  it('goes on in memory when it cannot be written', async () => {
    const files = new MemoryFiles();
    const { queue, problems } = await queueOf(files, 'a');
    files.failWrites = new Error('read-only');
    await queue.add(item('b'));
    assert.equal(ids(queue), 'ab');
    assert.deepEqual(
      problems.map(one => one.message),
      ['read-only'],
    );
  });
});
