import type { TrainOutput } from '../../src/common/run/events';

export interface OutboxPorts {
  readonly now: () => number;
  readonly later: (run: () => void, ms: number) => void;
  readonly send: (outputs: readonly TrainOutput[]) => void;
}

const interval = 100;

/** Bundles outputs into at most ten messages a second; nothing waits longer than that. */
export class Outbox {
  private waiting: TrainOutput[] = [];
  private lastSent = -Infinity;
  private scheduled = false;

  constructor(private readonly ports: OutboxPorts) {}

  push(output: TrainOutput): void {
    this.waiting.push(output);
    const rest = this.lastSent + interval - this.ports.now();
    if (rest <= 0) this.flush();
    else if (!this.scheduled) {
      this.scheduled = true;
      this.ports.later(() => {
        this.scheduled = false;
        this.flush();
      }, rest);
    }
  }

  flush(): void {
    if (this.waiting.length === 0) return;
    const outputs = this.waiting;
    this.waiting = [];
    this.lastSent = this.ports.now();
    this.ports.send(outputs);
  }
}
