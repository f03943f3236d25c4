import type { RunState } from '../run/events';
import { bestEvalLoss, lastExactMatch, trains, untouchedLoss, type ComparedRun } from './comparedRun';
import type { ComparisonVariant } from './definition';
import { paretoFront } from './pareto';
import { estimate, type Estimate } from './statistics';

/** A variant and what became of it: the newest run of its config, its place in the queue, or neither. */
export interface ComparedVariant extends ComparisonVariant {
  readonly run?: ComparedRun;
  readonly isQueued: boolean;
}

/** The seeds of one variant, as a row of the table and a point of the charts. */
export interface ComparedGroup {
  readonly id: string;
  readonly label: string;
  readonly variants: readonly ComparedVariant[];
  /** The runs that the numbers come from: those that came to their end, or, before there is one, those under way. */
  readonly runs: readonly ComparedRun[];
  /** The numbers are those of runs under way. */
  readonly isProvisional: boolean;
  /** Best evaluation loss of each seed. */
  readonly evalLoss?: Estimate;
  /** {@link evalLoss} less the loss of the untouched base model. */
  readonly delta?: number;
  readonly exactMatch?: Estimate;
  readonly peakBytes?: number;
  readonly trainMs?: number;
  readonly stepMs?: number;
  readonly tokens?: number;
  readonly trainable?: number;
  readonly trains: boolean;
  /** The costs for which no other trained group is better in cost and loss; of finished ones only. */
  readonly fronts: readonly Cost[];
}

/** What quality is weighed against. */
export type Cost = 'memory' | 'time';

/** A group's cost: bytes, or milliseconds of all training steps. */
export function costOf(group: Pick<ComparedGroup, 'peakBytes' | 'trainMs'>, cost: Cost): number | undefined {
  return cost === 'memory' ? group.peakBytes : group.trainMs;
}

/** The variants by group, in the order of the definition. */
export function groupVariants(variants: readonly ComparedVariant[]): ComparedGroup[] {
  const untouched = untouchedBase(variants);
  const ids = [...new Set(variants.map(variant => variant.group))];
  const groups = ids.map(id => {
    const own = variants.filter(variant => variant.group === id);
    return groupOf(id, own, untouched);
  });
  const fronts = { memory: frontOf(groups, 'memory'), time: frontOf(groups, 'time') };
  const costs = ['memory', 'time'] as const;
  return groups.map(group => ({ ...group, fronts: costs.filter(cost => fronts[cost].has(group.id)) }));
}

function frontOf(groups: readonly ComparedGroup[], cost: Cost): ReadonlySet<string> {
  const points = groups.flatMap(group => {
    const [price, loss] = [costOf(group, cost), group.evalLoss?.mean];
    const counts = group.trains && !group.isProvisional && price !== undefined && loss !== undefined;
    return counts ? [{ id: group.id, cost: price, loss }] : [];
  });
  return new Set(paretoFront(points).map(point => point.id));
}

/** Evaluation loss of the base model before anything trained, as the first run that began there reported it. */
export function untouchedBase(variants: readonly ComparedVariant[]): number | undefined {
  for (const { run } of variants) {
    const loss = run && untouchedLoss(run);
    if (loss !== undefined) return loss;
  }
  return undefined;
}

const ended: ReadonlySet<RunState> = new Set(['completed', 'stopped']);
const lost: ReadonlySet<RunState> = new Set(['failed', 'interrupted']);

function groupOf(id: string, variants: readonly ComparedVariant[], untouched: number | undefined): ComparedGroup {
  const all = variants.flatMap(({ run }) => (run === undefined ? [] : [run]));
  const settled = all.filter(run => ended.has(run.state));
  const runs = settled.length > 0 ? settled : all.filter(run => !lost.has(run.state));
  const evalLoss = estimateOf(runs, bestEvalLoss);
  const isTrained = runs.length === 0 ? id !== 'few-shot' : runs.some(trains);
  return {
    id,
    label: variants[0].label,
    variants,
    runs,
    isProvisional: settled.length === 0 && runs.length > 0,
    evalLoss,
    delta: evalLoss === undefined || untouched === undefined ? undefined : evalLoss.mean - untouched,
    exactMatch: estimateOf(runs, lastExactMatch),
    peakBytes: estimateOf(runs, run => run.peakBytes)?.mean,
    trainMs: isTrained ? estimateOf(runs, run => (run.step > 0 ? run.trainMs : undefined))?.mean : undefined,
    stepMs: estimateOf(runs, run => run.stepMs)?.mean,
    tokens: isTrained ? estimateOf(runs, run => (run.step > 0 ? run.tokens : undefined))?.mean : undefined,
    trainable: runs.at(0)?.trainableParameters,
    trains: isTrained,
    fronts: [],
  };
}

function estimateOf(
  runs: readonly ComparedRun[],
  pick: (run: ComparedRun) => number | undefined,
): Estimate | undefined {
  return estimate(runs.flatMap(run => pick(run) ?? []));
}

/** `3 of 3 done`, `running, step 40 of 200`, `queued`, `not run`: the states of a group's runs in words. */
export function groupState({ variants }: Pick<ComparedGroup, 'variants'>): string {
  if (variants.length === 1) return variantState(variants[0]);
  const done = variants.filter(({ run }) => run !== undefined && ended.has(run.state)).length;
  const failed = variants.filter(({ run }) => run !== undefined && lost.has(run.state)).length;
  const live = variants.find(({ run }) => run !== undefined && !ended.has(run.state) && !lost.has(run.state));
  const parts = [`${done} of ${variants.length} done`];
  if (failed > 0) parts.push(`${failed} failed`);
  if (live) parts.push(variantState(live));
  else if (variants.some(({ isQueued }) => isQueued)) parts.push('queued');
  return parts.join(', ');
}

function variantState({ run, isQueued }: ComparedVariant): string {
  if (run === undefined) return isQueued ? 'queued' : 'not run';
  const isLive = run.state === 'running' || run.state === 'paused';
  return isLive && run.totalSteps > 0 ? `${run.state}, step ${run.step} of ${run.totalSteps}` : run.state;
}
