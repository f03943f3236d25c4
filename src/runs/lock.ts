import { problem } from '../common/errors';
import { decodeText, encodeText, type Files } from './files';

/*
 * One window at a time trains in a workspace folder. The owner writes a counter to `.peft/lock.json` while its engine
 * answers; a window that finds a lock watches the counter for a while. Clocks are not compared, so machines that
 * share a folder need not agree on the time.
 */

const path = '.peft/lock.json';

export interface LockTimer {
  /** Resolves after `ms`. */
  sleep(ms: number): Promise<void>;
}

/** How often the owner counts, and how long a stranger watches, in milliseconds. */
export const heartbeatMs = 2000;
export const watchMs = 5000;

interface LockFile {
  readonly session: string;
  readonly beat: number;
  readonly run: string;
}

/** The lock of one workspace folder as this window sees it. */
export class FolderLock {
  private beat = 0;

  constructor(
    private readonly files: Files,
    private readonly session: string,
    private readonly timer: LockTimer,
  ) {}

  /**
   * Takes the lock for the run named `run`.
   *
   * @throws `run.locked` if another window is training here.
   */
  async acquire(run: string): Promise<void> {
    const holder = await this.liveHolder();
    if (holder !== undefined) {
      const hint = 'Stop it there, or wait until it has ended.';
      throw problem('run.locked', `Another window is training "${holder}" in this folder.`, hint);
    }
    this.beat = 0;
    await this.write(run);
    const found = await this.read();
    if (found?.session !== this.session)
      throw problem('run.locked', 'Another window has just started a run here.', 'Wait until it has ended.');
  }

  /** Counts on. Answers `false`, and writes nothing, if another window has taken the folder in the meantime. */
  async keep(run: string): Promise<boolean> {
    const found = await this.read();
    if (found && found.session !== this.session) return false;
    this.beat++;
    await this.write(run);
    return true;
  }

  async release(): Promise<void> {
    const found = await this.read();
    if (found?.session === this.session) await this.files.remove(path);
  }

  /** Name of the run that another window is training here, `undefined` if none is. Watches only if there is a lock. */
  async liveHolder(): Promise<string | undefined> {
    const before = await this.text();
    if (before === undefined || parse(before)?.session === this.session) return undefined;
    await this.timer.sleep(watchMs);
    const after = await this.text();
    if (after === undefined || after === before || parse(after)?.session === this.session) return undefined;
    return (parse(after) ?? parse(before))?.run ?? '';
  }

  private write(run: string): Promise<void> {
    const content: LockFile = { session: this.session, beat: this.beat, run };
    return this.files.write(path, encodeText(JSON.stringify(content) + '\n'));
  }

  private async read(): Promise<LockFile | undefined> {
    const text = await this.text();
    return text === undefined ? undefined : parse(text);
  }

  /** What the file holds, undefined where there is none. A read may meet a write half-way: such a lock is one, too. */
  private async text(): Promise<string | undefined> {
    try {
      return decodeText(await this.files.read(path));
    } catch {
      return undefined;
    }
  }
}

function parse(text: string): LockFile | undefined {
  try {
    const { session, beat, run } = JSON.parse(text) as Partial<LockFile>;
    if (typeof session !== 'string' || typeof beat !== 'number') return undefined;
    return { session, beat, run: typeof run === 'string' ? run : '' };
  } catch {
    return undefined;
  }
}
