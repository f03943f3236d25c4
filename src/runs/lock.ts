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
    const before = await this.read();
    if (!before || before.session === this.session) return undefined;
    await this.timer.sleep(watchMs);
    const after = await this.read();
    const alive = after !== undefined && after.session !== this.session && differs(before, after);
    return alive ? after.run : undefined;
  }

  private write(run: string): Promise<void> {
    const content: LockFile = { session: this.session, beat: this.beat, run };
    return this.files.write(path, encodeText(JSON.stringify(content) + '\n'));
  }

  private async read(): Promise<LockFile | undefined> {
    try {
      const { session, beat, run } = JSON.parse(decodeText(await this.files.read(path))) as Partial<LockFile>;
      if (typeof session !== 'string' || typeof beat !== 'number') return undefined;
      return { session, beat, run: typeof run === 'string' ? run : '' };
    } catch {
      return undefined; // no lock, or one that was cut off while being written by a window that is gone
    }
  }
}

function differs(before: LockFile, after: LockFile): boolean {
  return before.session !== after.session || before.beat !== after.beat;
}
