import { problem, type Problem } from '../common/errors';
import type { HostEvent, RunEvent, TrainEvent } from '../common/run/events';
import { formatEvent, parseEvent } from '../common/run/parseEvent';
import { decodeText, encodeText, joinPath, type Files } from './files';

/*
 * A run's events as JSON lines in the folder `events/`. The file API of a web extension can only replace whole files,
 * so the log is cut into segments: `000001.jsonl`, `000002.jsonl` … are complete and never touched again; the newest
 * lines are in `tail.a.jsonl` and `tail.b.jsonl`, written in turns, each with everything since the last segment. A write
 * that is cut off therefore never harms a line that was on disk before. Readers take the union by `seq`.
 */

/** A tail this large becomes a segment. */
const segmentBytes = 64 * 1024;
const tails = ['tail.a.jsonl', 'tail.b.jsonl'] as const;

export interface JournalContent {
  /** In order of `seq`. */
  readonly events: readonly RunEvent[];
  /** Highest `seq` on disk, also of lines of unknown type. */
  readonly lastSeq: number;
  /** Unreadable lines and missing ranges; reading never fails because of them. */
  readonly problems: readonly Problem[];
}

/** Reads all events of the run in `folder`. */
export async function readJournal(files: Files, folder: string): Promise<JournalContent> {
  const events = joinPath(folder, 'events');
  const names = await journalFiles(files, events);
  const texts = await Promise.all(names.map(name => readText(files, joinPath(events, name))));
  const bySeq = new Map<number, RunEvent | undefined>();
  const problems: Problem[] = [];
  texts.forEach((text, index) => collect(text, joinPath(events, names[index]), bySeq, problems));
  const order = [...bySeq.keys()].sort((a, b) => a - b);
  problems.push(...gaps(order, events));
  return {
    events: order.map(seq => bySeq.get(seq)).filter(event => event !== undefined),
    lastSeq: order.at(-1) ?? 0,
    problems,
  };
}

/** The files of a journal in reading order: segments, then tails. */
export async function journalFiles(files: Files, events: string): Promise<string[]> {
  const names = (await files.list(events)).filter(entry => !entry.folder).map(entry => entry.name);
  const segments = names.filter(name => /^\d{6}\.jsonl$/.test(name)).sort();
  return [...segments, ...tails.filter(tail => names.includes(tail))];
}

async function readText(files: Files, path: string): Promise<string> {
  try {
    return decodeText(await files.read(path));
  } catch {
    return ''; // sealed or removed between listing and reading: its lines are in the newer segment
  }
}

function collect(text: string, path: string, into: Map<number, RunEvent | undefined>, problems: Problem[]): void {
  const lines = text.split('\n');
  lines.forEach((line, index) => {
    if (line.trim() === '') return;
    const event = parseEvent(line);
    if (event) {
      if (!into.has(event.seq)) into.set(event.seq, event.type === 'unknown' ? undefined : event);
      return;
    }
    // The last line of a file without its newline is a write that was cut off, not damage.
    if (index === lines.length - 1) return;
    problems.push({
      code: 'journal.unreadable',
      message: `${path}, line ${index + 1} is not an event of a run.`,
      hint: 'The line is left out; the rest of the run is shown.',
    });
  });
}

function gaps(order: readonly number[], events: string): Problem[] {
  let previous = 0;
  const found: Problem[] = [];
  for (const seq of order) {
    if (seq !== previous + 1) {
      const range = seq === previous + 2 ? `Event ${previous + 1} is` : `Events ${previous + 1} to ${seq - 1} are`;
      const hint = 'The rest of the run is shown. Restore the folder from a backup to see everything.';
      found.push({ code: 'journal.gap', message: `${range} missing in ${events}.`, hint });
    }
    previous = seq;
  }
  return found;
}

/** The one writer of a run's events. Events are announced to `onDurable` once they are on disk, in order. */
export class JournalWriter {
  private lines: string[] = [];
  private bytes = 0;
  private turn = 0;
  private seq: number;
  private waiting: RunEvent[] = [];
  private work: Promise<void> = Promise.resolve();
  private ended = false;

  private constructor(
    private readonly files: Files,
    private readonly folder: string,
    private segment: number,
    private readonly options: JournalOptions,
  ) {
    this.seq = options.lastSeq;
  }

  /** Opens a journal for writing; lines that a writer left in its tails become a segment first. */
  static async open(files: Files, runFolder: string, options: JournalOptions): Promise<JournalWriter> {
    const folder = joinPath(runFolder, 'events');
    const names = await journalFiles(files, folder);
    const segments = names.filter(name => !isTail(name));
    const last = Number(segments.at(-1)?.slice(0, 6) ?? 0);
    const writer = new JournalWriter(files, folder, last + 1, options);
    if (names.length > segments.length) await writer.adoptTails(segments.at(-1));
    return writer;
  }

  /**
   * Numbers, stamps and writes events. Resolves when they are on disk and announced. If writing fails this rejects, the
   * events stay in memory, and the next `append` (also of nothing) writes them too.
   */
  append(events: readonly (TrainEvent | HostEvent)[]): Promise<void> {
    if (this.ended) return Promise.reject(problem('journal.closed', 'The run has ended.', 'Resume it first.'));
    for (const event of events) this.add({ ...event, seq: ++this.seq, time: this.options.clock() });
    const flushed = this.work.then(() => this.flush());
    this.work = flushed.catch(() => undefined);
    return flushed;
  }

  /** Seals the tail, so that a finished run consists of segments only. */
  async close(): Promise<void> {
    if (this.ended) return;
    this.ended = true;
    try {
      await this.work;
      await this.flush();
      if (this.lines.length > 0) await this.seal();
      await this.removeTails();
    } catch (error) {
      this.ended = false;
      throw error;
    }
  }

  private add(event: RunEvent): void {
    const line = formatEvent(event);
    this.lines.push(line);
    this.bytes += line.length + 1;
    this.waiting.push(event);
  }

  private async flush(): Promise<void> {
    const events = [...this.waiting];
    if (events.length === 0) return;
    await this.options.beforeWrite?.();
    if (this.bytes >= segmentBytes) await this.seal();
    else await this.writeTail();
    this.waiting = this.waiting.slice(events.length);
    this.options.onDurable(events);
  }

  /** A write that failed may have harmed its file, so the next try goes there again and spares the other. */
  private async writeTail(): Promise<void> {
    await this.writeLines(tails[this.turn % 2], this.lines);
    this.turn++;
  }

  private async seal(): Promise<void> {
    const count = this.lines.length; // more may be added while this is being written
    await this.writeLines(`${String(this.segment).padStart(6, '0')}.jsonl`, this.lines);
    this.segment++;
    this.lines = this.lines.slice(count);
    this.bytes = this.lines.reduce((sum, line) => sum + line.length + 1, 0);
  }

  private writeLines(name: string, lines: readonly string[]): Promise<void> {
    return this.files.write(joinPath(this.folder, name), encodeText(lines.join('\n') + '\n'));
  }

  private async adoptTails(lastSegment: string | undefined): Promise<void> {
    const sealed = lastSegment === undefined ? 0 : await this.lastSeqOf(lastSegment);
    const bySeq = new Map<number, string>();
    for (const tail of tails) {
      const text = await readText(this.files, joinPath(this.folder, tail));
      for (const line of text.split('\n')) {
        const event = parseEvent(line);
        if (event && event.seq > sealed) bySeq.set(event.seq, line);
      }
    }
    const order = [...bySeq.keys()].sort((a, b) => a - b);
    this.lines = order.map(seq => bySeq.get(seq) ?? '');
    if (this.lines.length > 0) await this.seal();
    await this.removeTails();
  }

  private async removeTails(): Promise<void> {
    for (const tail of tails) await this.files.remove(joinPath(this.folder, tail));
  }

  private async lastSeqOf(segment: string): Promise<number> {
    const text = await readText(this.files, joinPath(this.folder, segment));
    return Math.max(0, ...text.split('\n').map(line => parseEvent(line)?.seq ?? 0));
  }
}

export interface JournalOptions {
  /** Numbering goes on after this; 0 for a new run. */
  readonly lastSeq: number;
  /** Epoch milliseconds. */
  readonly clock: () => number;
  readonly onDurable: (events: readonly RunEvent[]) => void;
  /** Rejects if nothing may be written now; the events then stay in memory as after a failed write. */
  readonly beforeWrite?: () => Promise<void>;
}

function isTail(name: string): boolean {
  return name.startsWith('tail.');
}
