import type { ProblemError } from '../common/errors';

interface Waiter {
  resolve(): void;
  reject(error: ProblemError): void;
}

/** Several callers that wait for the same thing to happen. */
export class Waiting {
  private waiters: Waiter[] = [];

  /** Resolves or rejects with the next {@link resolve} or {@link reject}, or rejects with `late` after a while. */
  wait(limit?: { readonly timeoutMs: number; readonly late: ProblemError }): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = limit && setTimeout(() => waiter.reject(limit.late), limit.timeoutMs);
      const waiter: Waiter = {
        resolve: () => {
          clearTimeout(timer);
          resolve();
        },
        reject: error => {
          clearTimeout(timer);
          reject(error);
        },
      };
      this.waiters.push(waiter);
    });
  }

  resolve(): void {
    for (const waiter of this.take()) waiter.resolve();
  }

  reject(error: ProblemError): void {
    for (const waiter of this.take()) waiter.reject(error);
  }

  private take(): Waiter[] {
    const { waiters } = this;
    this.waiters = [];
    return waiters;
  }
}
