import type { RunView } from '../../../src/common/run/view';

export interface BudgetCurve {
  readonly steps: readonly number[];
  readonly planned: readonly number[];
  readonly actual: readonly number[];
  /** What is counted: `triplets` or `adapters`. */
  readonly unit: string;
}

/** The reported budgets over the steps, or undefined for a method without one. */
export function budgetCurve(run: RunView): BudgetCurve | undefined {
  const reports = run.importance.flatMap(({ step, budget }) => (budget === undefined ? [] : [{ step, ...budget }]));
  if (reports.length === 0) return undefined;
  return {
    steps: reports.map(({ step }) => step),
    planned: reports.map(({ planned }) => planned),
    actual: reports.map(({ actual }) => actual),
    unit: run.manifest.config.method.type === 'weightlora' ? 'adapters' : 'triplets',
  };
}

/** `84 triplets in use, 84 planned`; with a number where there is none, nothing. */
export function budgetText(curve: BudgetCurve, step: number): string | undefined {
  const at = curve.steps.findLastIndex(reported => reported <= step);
  if (at < 0) return undefined;
  const { actual, planned, unit } = curve;
  const counted = actual[at] === 1 ? unit.slice(0, -1) : unit;
  return `${actual[at].toLocaleString('en-US')} ${counted} in use, ${planned[at].toLocaleString('en-US')} planned`;
}
