import { toProblem, type Problem } from '../common/errors';
import { DisposableStore, type Disposable } from '../common/lifecycle';
import type { RunController } from './controller';
import type { QueueItem, RunQueue } from './queue';

/**
 * Starts the next queued run when the engine is free. After a reload the queue waits until something is started by
 * hand, so that opening a folder never trains by itself.
 */
export class Scheduler implements Disposable {
  private readonly disposables = new DisposableStore();
  private isMoving = false;
  private isWaiting = true;

  constructor(
    private readonly queue: RunQueue,
    private readonly controller: RunController,
    private readonly onProblem: (problem: Problem, item: QueueItem) => void,
  ) {
    this.disposables.add(controller.onDidEnd(() => void this.proceed()));
  }

  /** The queue has items and nobody has set it going yet. */
  get isHeld(): boolean {
    return this.isWaiting && this.queue.items.length > 0 && !this.controller.isBusy;
  }

  /** Adds a run; it starts at once if nothing is going on and nothing is before it. */
  async add(item: QueueItem): Promise<void> {
    const isFirst = this.queue.items.length === 0;
    await this.queue.add(item);
    if (isFirst && !this.controller.isBusy) await this.proceed();
  }

  /** Starts the first item if the engine is free. An item that cannot be started is reported and the next one tried. */
  async proceed(): Promise<void> {
    this.isWaiting = false;
    if (this.isMoving) return;
    this.isMoving = true;
    try {
      while (!this.controller.isBusy) {
        const item = await this.queue.shift();
        if (!item) return;
        await this.controller.start(item).catch((error: unknown) => this.onProblem(toProblem(error), item));
      }
    } finally {
      this.isMoving = false;
    }
  }

  dispose(): void {
    this.disposables.dispose();
  }
}
