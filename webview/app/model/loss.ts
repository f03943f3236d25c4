import { decimate, smooth } from '../../../src/common/run/series';
import type { RunView } from '../../../src/common/run/view';
import { absent, formatMetric, formatPercent, formatRate, formatSpeed } from './format';
import { bestEvaluation } from './run';
import type { TableModel } from './table';

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** A visible stretch of steps, both ends included. */
export interface Range {
  readonly min: number;
  readonly max: number;
}

/**
 * Where the step axis ends: at the total once a quarter is done, before that at the next of 20, 40, 80 … steps, so that
 * an early curve is not squeezed into a corner.
 */
export function axisEnd(step: number, totalSteps: number): number {
  if (totalSteps > 0 && step * 4 >= totalSteps) return Math.max(step, totalSteps);
  let end = 20;
  while (end < step * 1.02) end *= 2;
  return totalSteps > 0 ? Math.min(end, totalSteps) : end;
}

/** The points of `values` in `range`, at most about two a pixel, with every extreme kept; one neighbour beyond each edge. */
export function visiblePoints(
  steps: readonly number[],
  values: readonly number[],
  range: Range,
  pixels: number,
): Point[] {
  const from = Math.max(0, indexAtOrBefore(steps, range.min));
  const to = Math.min(steps.length, indexAtOrBefore(steps, range.max) + 2);
  const window = values.slice(from, to);
  return decimate(window, 2 * pixels).map(index => ({ x: steps[from + index], y: window[index] }));
}

/** Index of the last step that is not after `step`; −1 if all are. Steps ascend. */
export function indexAtOrBefore(steps: readonly number[], step: number): number {
  let low = 0;
  let high = steps.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (steps[middle] <= step) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** The recorded step nearest to `step`, or undefined if nothing is recorded. */
export function nearestStep(steps: readonly number[], step: number): number | undefined {
  if (steps.length === 0) return undefined;
  const before = indexAtOrBefore(steps, step);
  if (before < 0) return steps[0];
  if (before === steps.length - 1) return steps[before];
  return step - steps[before] <= steps[before + 1] - step ? steps[before] : steps[before + 1];
}

/** The value recorded exactly at `step`. */
export function valueAt(steps: readonly number[], values: readonly number[], step: number): number | undefined {
  const index = indexAtOrBefore(steps, step);
  return index >= 0 && steps[index] === step ? values[index] : undefined;
}

/** The training loss smoothed, the same length as the raw one. */
export function smoothedLoss(run: RunView, smoothing: number): readonly number[] {
  return smooth(run.metrics.loss, smoothing);
}

/** How many tokens the model hesitates between on average: e to the mean loss of a token. */
export function perplexityOf(loss: number): number {
  return Math.exp(loss);
}

/** One sentence for screen readers that says what the loss chart shows. */
export function lossSummary(run: RunView): string {
  const { step, loss } = run.metrics;
  if (step.length === 0) return 'No training loss yet.';
  const last = loss.length - 1;
  const verb = loss[last] <= loss[0] ? 'fell' : 'rose';
  const total = run.totalSteps > 0 ? ` of ${run.totalSteps}` : '';
  const training = `Training loss ${verb} from ${formatMetric(loss[0])} at step ${step[0]} to ${formatMetric(loss[last])} at step ${step[last]}${total}`;
  const best = bestEvaluation(run);
  if (best === undefined) return `${training}.`;
  const latest = run.evaluations.loss.at(-1) ?? NaN;
  const perplexity = formatMetric(perplexityOf(latest));
  const share = run.evaluations.exactMatch.at(-1) ?? undefined;
  const matched = share === undefined ? '' : `, ${formatPercent(share)} completed exactly`;
  return `${training}; last evaluation ${formatMetric(latest)} (perplexity ${perplexity}${matched}), best ${formatMetric(best.loss)} at step ${best.step}.`;
}

/**
 * Every recorded step as a table; with `limit`, about that many rows evenly spaced, evaluations and the last step kept.
 * Steps that only an evaluation has (step 0) get a row too.
 */
export function lossTable(run: RunView, smoothing: number, limit = Infinity): TableModel {
  const { metrics, evaluations } = run;
  const smoothed = smoothedLoss(run, smoothing);
  const evaluated = new Map(evaluations.step.map((step, i) => [step, evaluations.loss[i]]));
  const stride = Math.max(1, Math.ceil(metrics.step.length / limit));
  const rows: string[][] = [];
  if (evaluated.has(0)) rows.push(['0', absent, absent, formatMetric(evaluated.get(0)), absent, absent, absent]);
  metrics.step.forEach((step, i) => {
    if (i % stride !== 0 && i !== metrics.step.length - 1 && !evaluated.has(step)) return;
    rows.push([
      String(step),
      formatMetric(metrics.loss[i]),
      formatMetric(smoothed[i]),
      formatMetric(evaluated.get(step)),
      formatRate(metrics.learningRate[i]),
      formatMetric(metrics.gradNorm[i]),
      formatSpeed(metrics.tokensPerSecond[i]),
    ]);
  });
  return { caption: caption(run, rows.length), columns: lossColumns, rows };
}

const lossColumns = ['step', 'loss', 'smoothed', 'evaluation', 'learning rate', 'gradient norm', 'tok/s'].map(
  label => ({ label, numeric: true }),
);

function caption(run: RunView, rows: number): string {
  const total = run.metrics.step.length;
  const part = rows < total ? `${rows} of ${total} steps; the CSV has them all` : `${total} steps`;
  return `Loss of ${run.manifest.name}: ${part}`;
}

/** Full-precision columns for a CSV. */
export function lossCsvTable(run: RunView): TableModel {
  const { metrics, evaluations } = run;
  const evaluated = new Map(evaluations.step.map((step, i) => [step, evaluations.loss[i]]));
  const text = (value: number | undefined): string => (value === undefined ? '' : String(value));
  const labels = ['step', 'loss', 'eval_loss', 'learning_rate', 'grad_norm', 'tokens_per_second'];
  const rows = metrics.step.map((step, i) => [
    String(step),
    text(metrics.loss[i]),
    text(evaluated.get(step)),
    text(metrics.learningRate[i]),
    text(metrics.gradNorm[i]),
    text(metrics.tokensPerSecond[i]),
  ]);
  if (evaluated.has(0)) rows.unshift(['0', '', text(evaluated.get(0)), '', '', '']);
  return { caption: run.manifest.name, columns: labels.map(label => ({ label, numeric: true })), rows };
}
