import { join } from 'node:path';
import type { MemoryBytes, TrainOutput } from '../common/run/events';

/** The last line of `train --json`: one number per optimizer step, and where the result is. */
export class Summary {
  private readonly losses: number[] = [];
  private readonly gradNorms: number[] = [];
  private readonly learningRates: number[] = [];
  private readonly evalLosses: number[] = [];
  private forecastBytes: MemoryBytes = {};
  private measuredBytes: MemoryBytes = {};
  private adapter: string | undefined;

  constructor(private readonly folder: string) {}

  add(output: TrainOutput): void {
    if (output.kind === 'result') this.adapter = join(this.folder, 'adapter');
    if (output.kind !== 'event') return;
    const { event } = output;
    if (event.type === 'metrics') {
      this.losses.push(event.loss);
      this.gradNorms.push(event.gradNorm);
      this.learningRates.push(event.learningRate);
    } else if (event.type === 'evaluation') this.evalLosses.push(event.loss);
    else if (event.type === 'memory') {
      this.forecastBytes = event.forecast;
      this.measuredBytes = event.measured;
    }
  }

  json() {
    const { losses, gradNorms, learningRates, evalLosses, adapter, forecastBytes, measuredBytes } = this;
    return { type: 'summary', losses, gradNorms, learningRates, evalLosses, adapter, forecastBytes, measuredBytes };
  }
}
