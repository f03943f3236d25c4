import type { EvaluationDraw } from '../../../src/common/run/events';
import type { RunView } from '../../../src/common/run/view';
import { formatMetric, formatPercent } from './format';
import type { TableModel } from './table';

export interface Spread {
  readonly mean: number;
  /** Sample standard deviation (divided by n − 1); undefined for a single value. */
  readonly sd?: number;
  readonly n: number;
}

/** Mean and sample standard deviation; undefined without values. */
export function spreadOf(values: readonly number[]): Spread | undefined {
  const n = values.length;
  if (n === 0) return undefined;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  if (n === 1) return { mean, n };
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, sd: Math.sqrt(squares / (n - 1)), n };
}

/** `6.251 ± 0.042`. */
export function spreadText({ mean, sd }: Spread, format: (value: number) => string = formatMetric): string {
  return sd === undefined ? format(mean) : `${format(mean)} ± ${format(sd)}`;
}

export interface DrawFact {
  readonly label: string;
  readonly text: string;
}

/** Loss, log-likelihood and exact match over the draws of a run, each as mean ± sample sd. */
export function drawFacts(draws: readonly EvaluationDraw[]): DrawFact[] {
  const fact = (label: string, values: readonly number[], format?: (value: number) => string): DrawFact[] => {
    const spread = spreadOf(values);
    return spread === undefined ? [] : [{ label, text: spreadText(spread, format) }];
  };
  return [
    ...fact('loss', losses(draws)),
    ...fact(
      'log-likelihood',
      draws.map(draw => draw.logLikelihood),
    ),
    ...fact(
      'a token',
      draws.map(({ loss }) => -loss),
    ),
    ...fact('exact match', matches(draws), formatPercent),
  ];
}

/** `mean ± sample standard deviation, n = 5 draws of 4 shots`. */
export function drawsNote(run: RunView): string {
  const n = run.draws?.length ?? 0;
  const { method } = run.manifest.config;
  const shots = 'shots' in method ? ` of ${method.shots} shots` : '';
  const draws = `n = ${n} ${n === 1 ? 'draw' : 'draws'}${shots}`;
  return n < 2 ? `${draws}; one draw has no spread` : `mean ± sample standard deviation, ${draws}`;
}

/** One row a draw: its numbers, and which training rows its shots were (counted from 1). */
export function drawTable(run: RunView): TableModel {
  const draws = run.draws ?? [];
  const labels = ['draw', 'loss', 'log-likelihood', 'exact match', 'rows shown'];
  return {
    caption: `Draws of ${run.manifest.name}: ${drawsNote(run)}`,
    columns: labels.map((label, i) => ({ label, numeric: i < 4 })),
    rows: draws.map(({ loss, logLikelihood, exactMatch, rows }, i) => [
      String(i + 1),
      formatMetric(loss),
      formatMetric(logLikelihood),
      exactMatch === undefined ? '' : formatPercent(exactMatch),
      rows.map(row => row + 1).join(', '),
    ]),
  };
}

function losses(draws: readonly EvaluationDraw[]): number[] {
  return draws.map(({ loss }) => loss);
}

function matches(draws: readonly EvaluationDraw[]): number[] {
  return draws.flatMap(({ exactMatch }) => (exactMatch === undefined ? [] : [exactMatch]));
}
