import type { MemoryBytes } from '../../src/common/run/events';
import { eventsOf, type RunOnDisk } from '../workbench/runs';

/** `demo-out/summary.json`. */
export interface Summary {
  readonly runId: string;
  readonly steps: number;
  readonly firstLoss: number;
  readonly lastLoss: number;
  readonly firstEvalLoss: number;
  readonly lastEvalLoss: number;
  /** Median over the run. */
  readonly tokensPerSecond: number;
  /** Folder of the exported adapter, relative to `demo-out/`. */
  readonly adapter: string;
  readonly forecastBytes: MemoryBytes;
  readonly measuredBytes: MemoryBytes;
  readonly samplesBefore: readonly Sample[];
  readonly samplesAfter: readonly Sample[];
}

interface Sample {
  readonly prompt: string;
  readonly completion: string;
}

/** What the run's events say; throws an error naming what is missing. */
export function summarize(run: RunOnDisk, adapter: string): Summary {
  const metrics = eventsOf(run, 'metrics');
  const evaluations = eventsOf(run, 'evaluation');
  const memory = eventsOf(run, 'memory').at(-1);
  const samples = eventsOf(run, 'sample');
  if (metrics.length === 0 || evaluations.length < 2 || !memory || samples.length === 0) {
    throw new Error(`Run ${run.id} lacks metrics, evaluations, memory or samples.`);
  }
  const at = (step: number): Sample[] =>
    samples.filter(one => one.step === step).map(({ prompt, completion }) => ({ prompt, completion }));
  const rates = metrics.map(event => event.tokensPerSecond).sort((a, b) => a - b);
  return {
    runId: run.id,
    steps: metrics[metrics.length - 1].step,
    firstLoss: metrics[0].loss,
    lastLoss: metrics[metrics.length - 1].loss,
    firstEvalLoss: evaluations[0].loss,
    lastEvalLoss: evaluations[evaluations.length - 1].loss,
    tokensPerSecond: rates[Math.floor(rates.length / 2)],
    adapter,
    forecastBytes: memory.forecast,
    measuredBytes: memory.measured,
    samplesBefore: at(samples[0].step),
    samplesAfter: at(samples[samples.length - 1].step),
  };
}

/** What the demo promises, as sentences; empty when all of it holds. */
export function broken(summary: Summary): string[] {
  const { firstEvalLoss, lastEvalLoss, forecastBytes, measuredBytes, samplesBefore, samplesAfter } = summary;
  const found: string[] = [];
  if (!(lastEvalLoss <= 0.75 * firstEvalLoss)) {
    found.push(`The evaluation loss fell from ${firstEvalLoss} to ${lastEvalLoss}, less than a quarter.`);
  }
  if (!sameBytes(forecastBytes, measuredBytes)) found.push('Forecast and measured bytes differ.');
  const changed = samplesAfter.some((sample, index) => sample.completion !== samplesBefore[index]?.completion);
  if (!changed) found.push('No sample changed.');
  return found;
}

function sameBytes(a: MemoryBytes, b: MemoryBytes): boolean {
  const keys = [...Object.keys(a), ...Object.keys(b)] as (keyof MemoryBytes)[];
  return keys.every(key => (a[key] ?? 0) === (b[key] ?? 0));
}
