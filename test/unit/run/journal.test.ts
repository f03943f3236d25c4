import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { RunEvent } from '../../../src/common/run/events';
import { formatEvent, parseEvent } from '../../../src/common/run/parseEvent';
import { JournalWriter, readJournal } from '../../../src/runs/journal';
import { MemoryFiles } from './memoryFiles';
import { metrics, stamped, started } from './sampleRun';

const clock = () => 5;

async function open(files: MemoryFiles, heard: RunEvent[] = []): Promise<JournalWriter> {
  const { lastSeq } = await readJournal(files, 'run');
  return JournalWriter.open(files, 'run', { lastSeq, clock, onDurable: events => heard.push(...events) });
}

async function readSteps(files: MemoryFiles): Promise<number[]> {
  const { events } = await readJournal(files, 'run');
  return events.map(event => (event.type === 'metrics' ? event.step : -1));
}

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

describe('journal', () => {
  it('numbers and stamps events, and announces them only when they are on disk', async () => {
    const files = new MemoryFiles();
    const heard: RunEvent[] = [];
    const onDurable = (events: readonly RunEvent[]) => {
      const disk = files
        .paths('run/events')
        .map(path => files.text(path))
        .join('');
      for (const event of events) assert.ok(disk.includes(`"seq":${event.seq}`));
      heard.push(...events);
    };
    const writer = await JournalWriter.open(files, 'run', { lastSeq: 0, clock, onDurable });
    await writer.append([metrics(1), metrics(2)]);
    assert.deepEqual(
      heard.map(event => [event.seq, event.time]),
      [
        [1, 5],
        [2, 5],
      ],
    );
  });

  it('reads back what was written, over several segments, in order', async () => {
    const files = new MemoryFiles();
    const writer = await open(files);
    for (const step of range(1, 1500)) await writer.append([metrics(step)]);
    assert.deepEqual(await readSteps(files), range(1, 1500));
    await writer.close();
    assert.deepEqual(await readSteps(files), range(1, 1500));
    const names = files.paths('run/events').map(path => path.slice('run/events/'.length));
    assert.ok(names.length > 3 && names.every(name => /^\d{6}\.jsonl$/.test(name)), names.join());
    assert.deepEqual((await readJournal(files, 'run')).problems, []);
  });

  it('never rewrites a finished segment', async () => {
    const files = new MemoryFiles();
    const writer = await open(files);
    for (const step of range(1, 1500)) await writer.append([metrics(step)]);
    const segments = files.written.filter(path => /\d{6}\.jsonl$/.test(path));
    assert.equal(new Set(segments).size, segments.length);
  });

  it('puts what comes while a write is going on into the next write', async () => {
    const files = new MemoryFiles();
    const heard: RunEvent[] = [];
    const writer = await open(files, heard);
    files.delay = () => new Promise(resolve => setTimeout(resolve, 1));
    await Promise.all(range(1, 50).map(step => writer.append([metrics(step)])));
    assert.deepEqual(
      heard.map(event => event.seq),
      range(1, 50),
    );
    assert.ok(files.written.length < 10, `${files.written.length} writes`);
    assert.deepEqual(await readSteps(files), range(1, 50));
  });

  it('loses nothing that was announced when a write is cut off at any byte', async () => {
    for (const bytes of [0, 1, 40, 200, 300]) {
      const files = new MemoryFiles();
      const heard: RunEvent[] = [];
      const writer = await open(files, heard);
      for (const step of [1, 2, 3]) await writer.append([metrics(step)]);
      files.tear = { path: /events/, bytes };
      await assert.rejects(writer.append([metrics(4)]));
      const next = await open(files);
      const found = await readSteps(files);
      assert.deepEqual(found.slice(0, 3), [1, 2, 3], `cut at ${bytes}`);
      await next.append([metrics(99)]);
      assert.deepEqual(await readSteps(files), [...found, 99]);
      assert.deepEqual((await readJournal(files, 'run')).problems, []);
    }
  });

  it('loses nothing however often a full disk cuts the same write off', async () => {
    const files = new MemoryFiles();
    const writer = await open(files);
    for (const step of [1, 2, 3]) await writer.append([metrics(step)]);
    for (const attempt of [1, 2, 3]) {
      files.tear = { path: /events/, bytes: 0 };
      await assert.rejects(writer.append(attempt === 1 ? [metrics(4)] : []));
      assert.deepEqual(await readSteps(files), [1, 2, 3], `attempt ${attempt}`);
    }
    await writer.append([]);
    assert.deepEqual(await readSteps(files), [1, 2, 3, 4]);
  });

  it('loses nothing when the write of a segment is cut off', async () => {
    const files = new MemoryFiles();
    const heard: RunEvent[] = [];
    const writer = await open(files, heard);
    files.tear = { path: /000001/, bytes: 30_000 };
    let failed = false;
    for (const step of range(1, 600)) await writer.append([metrics(step)]).catch(() => (failed = true));
    assert.ok(failed);
    const crashed = new MemoryFiles();
    for (const [path, content] of files.content) crashed.content.set(path, content);
    assert.deepEqual((await readSteps(crashed)).slice(0, heard.length), range(1, heard.length));
    await writer.close();
    assert.deepEqual(await readSteps(files), range(1, 600));
  });

  it('keeps events of a failed write and writes them with the next one', async () => {
    const files = new MemoryFiles();
    const heard: RunEvent[] = [];
    const writer = await open(files, heard);
    files.failWrites = new Error('ENOSPC');
    await assert.rejects(writer.append([metrics(1)]), /ENOSPC/);
    await assert.rejects(writer.append([metrics(2)]), /ENOSPC/);
    assert.equal(heard.length, 0);
    files.failWrites = undefined;
    await writer.append([]);
    assert.deepEqual(
      heard.map(event => event.seq),
      [1, 2],
    );
    assert.deepEqual(await readSteps(files), [1, 2]);
  });

  it('refuses events after it was closed', async () => {
    const writer = await open(new MemoryFiles());
    await writer.close();
    await assert.rejects(writer.append([metrics(1)]), /ended/);
  });

  it('names unreadable lines and missing ranges and shows the rest', async () => {
    const files = new MemoryFiles();
    const lines = stamped(range(1, 6).map(step => metrics(step))).map(formatEvent);
    files.setText('run/events/000001.jsonl', [lines[0], '{"seq":', 'garbage', lines[1], ''].join('\n'));
    files.setText('run/events/000002.jsonl', [lines[4], lines[5].slice(0, 20)].join('\n'));
    const { events, lastSeq, problems } = await readJournal(files, 'run');
    assert.deepEqual(
      events.map(event => event.seq),
      [1, 2, 5],
    );
    assert.equal(lastSeq, 5);
    assert.deepEqual(
      problems.map(one => `${one.code}: ${one.message}`),
      [
        'journal.unreadable: run/events/000001.jsonl, line 2 is not an event of a run.',
        'journal.unreadable: run/events/000001.jsonl, line 3 is not an event of a run.',
        'journal.gap: Events 3 to 4 are missing in run/events.',
      ],
    );
  });

  it('reads any bytes without failing', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 4 }), async contents => {
        const files = new MemoryFiles();
        contents.forEach((bytes, index) => files.content.set(`run/events/00000${index}.jsonl`, bytes));
        const { events } = await readJournal(files, 'run');
        assert.deepEqual(events, []);
        const writer = await open(files);
        await writer.append([metrics(1)]);
        assert.deepEqual(await readSteps(files), [1]);
      }),
    );
  });
});

describe('event lines', () => {
  it('survive being written and read, NaN included', () => {
    const [event] = stamped([metrics(1, NaN)]);
    const back = parseEvent(formatEvent(event));
    assert.ok(back?.type === 'metrics');
    assert.ok(Number.isNaN(back.loss));
    const [first] = stamped([started()]);
    assert.deepEqual(parseEvent(formatEvent(first)), first);
  });

  it('of types from the future keep their place in the sequence', () => {
    assert.deepEqual(parseEvent('{"seq":7,"time":1,"type":"hologram"}'), { type: 'unknown', seq: 7 });
  });

  const broken = [
    '7',
    'null',
    '[]',
    '{}',
    '{"seq":0,"time":1,"type":"exported","path":"a"}',
    '{"seq":1.5,"time":1,"type":"exported","path":"a"}',
    '{"seq":1,"type":"exported","path":"a"}',
    '{"seq":1,"time":1,"type":"exported"}',
    '{"seq":1,"time":1,"type":"state","state":"flying"}',
    '{"seq":1,"time":1,"type":"metrics","step":"1"}',
    '{"seq":1,"time":1,"type":"importance","step":1,"tables":{}}',
  ];
  it('that lack what they need are refused', () => {
    assert.deepEqual(
      broken.map(line => parseEvent(line)),
      broken.map(() => undefined),
    );
  });
});
