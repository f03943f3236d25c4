import type { EngineCommand } from '../../../src/common/protocol';

/** What the loop asks between two optimizer steps. */
export interface Gate {
  readonly stop: boolean;
  readonly checkpoint: boolean;
}

/**
 * Commands to a running loop. They take effect between optimizer steps: a step is never cut in half, so what is on the
 * device is always a valid state.
 */
export class RunControl {
  private paused = false;
  private stopping = false;
  private saving = false;
  private allowance = 0;
  private wake: (() => void) | undefined;

  constructor(private readonly onPause: (paused: boolean) => void) {}

  command(command: EngineCommand): void {
    if (command === 'pause') this.paused = true;
    else if (command === 'resume') this.paused = false;
    else if (command === 'stop') this.stopping = true;
    else if (command === 'checkpoint') this.saving = true;
    else {
      this.paused = true;
      this.allowance += 1;
    }
    this.wake?.();
  }

  /** True when the loop would wait: it then finishes what is in flight before it calls {@link pass}. */
  get wouldWait(): boolean {
    return this.stopping || this.saving || (this.paused && this.allowance === 0);
  }

  /** Waits while paused; answers what to do before the next step. */
  async pass(): Promise<Gate> {
    let told = false;
    while (this.paused && this.allowance === 0 && !this.stopping && !this.saving) {
      if (!told) this.onPause(true);
      told = true;
      await new Promise<void>(resolve => (this.wake = resolve));
    }
    this.wake = undefined;
    if (told && !this.paused) this.onPause(false);
    const gate: Gate = { stop: this.stopping, checkpoint: this.saving };
    this.saving = false;
    if (this.allowance > 0 && !gate.stop && !gate.checkpoint) this.allowance -= 1;
    return gate;
  }
}
