import { problem } from '../../../src/common/errors';

/** AdaLoRA's schedule, in optimizer steps. */
export interface BudgetSchedule {
  /** Triplets at the start, over all modules. */
  readonly initial: number;
  /** Triplets at the end: target_r × modules. */
  readonly target: number;
  readonly tinit: number;
  readonly tfinal: number;
  readonly deltaT: number;
  readonly totalStep: number;
}

/** What happens to the triplets after the update of a step. */
export interface Allocation {
  /** Triplets that the schedule allows. */
  readonly budget: number;
  /** Whether sensitivity and uncertainty take this step in. */
  readonly measures: boolean;
  /** How many triplets to prune by score; 0: no decision at this step. */
  readonly prunes: number;
  /** Whether pruned triplets are set to zero at this step. */
  readonly masks: boolean;
}

/** First step after which the choice of triplets is final. */
export function freezeStep({ totalStep, tfinal }: BudgetSchedule): number {
  return totalStep - tfinal;
}

/**
 * The cubic schedule of PEFT's `RankAllocator.budget_schedule` and `AdaLoraModel.update_and_allocate`, called with
 * optimizer steps from 1. Scores stop moving before the last decision, as there; that decision is taken at the first
 * step at or after `totalStep - tfinal`, and kept.
 * @throws `adalora.schedule` when `tinit` and `tfinal` leave no step between them.
 */
export function allocationAt(schedule: BudgetSchedule, step: number): Allocation {
  checkSchedule(schedule);
  const { initial, target, tinit, deltaT } = schedule;
  const freeze = freezeStep(schedule);
  const measures = step < freeze;
  if (step <= tinit) return { budget: initial, measures, prunes: 0, masks: false };
  if (step >= freeze) {
    const prunes = step === freeze ? Math.max(0, initial - target) : 0;
    return { budget: target, measures: false, prunes, masks: true };
  }
  const left = 1 - (step - tinit) / (freeze - tinit);
  const budget = Math.trunc((initial - target) * cube(left) + target);
  const decides = step % deltaT === 0;
  return { budget, measures, prunes: decides ? Math.max(0, initial - budget) : 0, masks: decides };
}

function checkSchedule({ tinit, tfinal, totalStep }: BudgetSchedule): void {
  if (tinit < totalStep - tfinal) return;
  throw problem(
    'adalora.schedule',
    `Of ${totalStep} optimizer steps, tinit ${tinit} and tfinal ${tfinal} leave none to give ranks out.`,
    'Lower method.tinit or method.tfinal, or train longer: tinit must be below total steps - tfinal.',
  );
}

/**
 * x³ for x in [0, 1], rounded once from about 106 bits: `x ** 3` differs between engines in the last bit, and the budget
 * is cut to a whole number after it.
 */
export function cube(x: number): number {
  const square = twoProduct(x, x);
  const product = twoProduct(square.high, x);
  return product.high + (product.low + square.low * x);
}

/** a·b as an unevaluated sum (Dekker 1971, with Veltkamp's splitting). */
function twoProduct(a: number, b: number): { high: number; low: number } {
  const high = a * b;
  const [aHigh, aLow] = halves(a);
  const [bHigh, bLow] = halves(b);
  return { high, low: aLow * bLow - (high - aHigh * bHigh - aLow * bHigh - aHigh * bLow) };
}

function halves(a: number): [number, number] {
  const scaled = 134217729 * a;
  const high = scaled - (scaled - a);
  return [high, a - high];
}
