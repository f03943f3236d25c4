import type { Problem } from '../errors';
import type { ForecastFacts } from './facts';

/** What a config takes on the GPU, or why it cannot be planned. */
export type Plan = Pick<ForecastFacts, 'total'> | { readonly problem: Problem };

/**
 * How a run stands to its budget: `fits`, `tight` above 90 % of it, `over`; `open` without a budget; `refused` where it
 * cannot be planned, be it for a limit of the adapter or because nothing trains.
 */
export type Verdict =
  | { readonly kind: 'refused'; readonly problem: Problem }
  | { readonly kind: 'open'; readonly needed: number }
  | { readonly kind: 'fits' | 'tight' | 'over'; readonly needed: number; readonly budget: number };

/** Other programs and the driver need the rest of a budget. */
const comfortable = 0.9;

/** Holds a plan against `memory.budget_mib`; bytes in the result. */
export function verdictOf(plan: Plan, { budget_mib: mib }: { readonly budget_mib?: number }): Verdict {
  if ('problem' in plan) return { kind: 'refused', problem: plan.problem };
  const needed = plan.total;
  if (mib === undefined) return { kind: 'open', needed };
  const budget = mib * 2 ** 20;
  const kind = needed > budget ? 'over' : needed > comfortable * budget ? 'tight' : 'fits';
  return { kind, needed, budget };
}

/** Whether a plan leaves room in the budget, or there is none to keep. */
export function hasRoom(plan: Plan, memory: { readonly budget_mib?: number }): boolean {
  const { kind } = verdictOf(plan, memory);
  return kind === 'fits' || kind === 'open';
}
