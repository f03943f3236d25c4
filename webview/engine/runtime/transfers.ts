import type { Transfer } from '../../../src/common/run/events';

/** What moved between host and device since it was last asked. */
export class Transfers {
  private list: Transfer[] = [];

  /** `now`: milliseconds of a monotonic clock. */
  constructor(private readonly now: () => number) {}

  /** Runs `move` and notes it with the time that it kept its caller waiting. */
  async timed<T>(transfer: Omit<Transfer, 'ms'>, move: () => T | Promise<T>): Promise<T> {
    const start = this.now();
    const result = await move();
    this.list.push({ ...transfer, ms: this.now() - start });
    return result;
  }

  take(): readonly Transfer[] {
    const taken = this.list;
    this.list = [];
    return taken;
  }
}
