import { problem } from '../common/errors';
import type { Disposable } from '../common/lifecycle';
import type { EngineLink, Timer } from './engine';
import { heartbeatMs, watchMs, type FolderLock } from './lock';

/**
 * Keeps a folder's lock while the engine's page answers. A window whose page is gone (a closed browser, a machine that
 * sleeps) stops counting, so that another one may take the run over; when it comes back it finds out before it writes.
 */
export class Holding implements Disposable {
  private readonly ticking: Disposable;
  private keptAt: number;
  private asking = false;
  private over = false;

  constructor(
    private readonly lock: FolderLock,
    private readonly run: string,
    private readonly deps: { readonly engine: EngineLink; readonly timer: Timer },
    private readonly onTaken: () => Promise<void>,
  ) {
    this.keptAt = deps.timer.now();
    this.ticking = deps.timer.every(heartbeatMs, () => void this.beat());
  }

  /** Rejects with `run.taken` if the folder belongs to another window by now. */
  async confirm(): Promise<void> {
    if (this.over) throw taken();
    if (this.deps.timer.now() - this.keptAt > watchMs) await this.keep();
  }

  async release(): Promise<void> {
    this.dispose();
    await this.lock.release();
  }

  dispose(): void {
    this.over = true;
    this.ticking.dispose();
  }

  private async beat(): Promise<void> {
    if (this.asking || this.over) return;
    this.asking = true;
    try {
      await this.deps.engine.ping();
      await this.keep();
    } catch {
      // No page or no disk: not counting is what tells the others. Writing has its own way to complain.
    } finally {
      this.asking = false;
    }
  }

  private async keep(): Promise<void> {
    if (this.over) return;
    if (!(await this.lock.keep(this.run))) {
      this.dispose();
      await this.onTaken();
      throw taken();
    }
    this.keptAt = this.deps.timer.now();
  }
}

function taken() {
  const hint = 'Close this window, or follow the run there.';
  return problem('run.taken', 'Another window has taken over this run.', hint);
}
