import type { ForecastFacts } from '../facts';
import { mib, type LintContext } from '../rule';
import { stepTime, type StepTime } from '../stepTime';
import { withSavings, type Saving } from './options';

/** Savings together, with what they come to. */
export interface Weighed {
  readonly savings: readonly Saving[];
  readonly forecast: ForecastFacts;
  /** Bytes of GPU memory saved; undefined where the config cannot be planned as it is. */
  readonly saved?: number;
  /** Step time after to step time before. */
  readonly ratio: number;
  /** False where transfers cost time that is not known here. */
  readonly complete: boolean;
  /** What is to be avoided: time beyond that of now, and what the savings lose beside it. */
  readonly price: number;
}

/** Plans the config with `savings`; undefined where that cannot be planned. */
export function weigh(context: LintContext, savings: readonly Saving[]): Weighed | undefined {
  const { config, facts } = context;
  const next = withSavings(config, savings);
  const forecast = facts.forecast?.(next);
  if (forecast === undefined || 'problem' in forecast) return undefined;
  const now = facts.forecast?.(config);
  const known = { tokens: stepTokens(context), rates: facts.rates };
  const after = stepTime(next, forecast, known);
  const before: StepTime =
    now === undefined || 'problem' in now ? { factor: 1, complete: true } : stepTime(config, now, known);
  const ratio = after.factor / before.factor;
  const loss = savings.reduce((sum, saving) => sum + saving.loss, 0);
  return {
    savings,
    forecast,
    saved: now === undefined || 'problem' in now ? undefined : now.total - forecast.total,
    ratio,
    complete: after.complete,
    price: Math.max(0, ratio - 1) + loss,
  };
}

/** Tokens of an optimizer step: rows of a mean length, or of the greatest where lengths are not known. */
export function stepTokens({ config, facts, plan }: LintContext): number {
  const { max_length: most } = config.data;
  const lengths = (facts.data?.train?.tokens ?? []).map(length => Math.min(length, most));
  const mean = lengths.length === 0 ? most : lengths.reduce((sum, length) => sum + length, 0) / lengths.length;
  return mean * plan.effectiveBatch;
}

/** `−212 MiB, about +50 % time, the base stays as it is`. */
export function effectText({ savings, forecast, saved, ratio, complete }: Weighed): string {
  const memory = saved === undefined ? `${mib(forecast.total)} MiB` : changeText(-saved);
  const { up, down } = forecast.transfers;
  const costs = [
    ...timeText(ratio),
    ...(complete ? [] : [`${mib(up + down)} MiB travel each step`]),
    ...savings.flatMap(({ cost }) => cost ?? []),
  ];
  return [memory, ...costs].join(', ');
}

/** `−212 MiB`, `+3.00 MiB`. */
export function changeText(bytes: number): string {
  return `${bytes > 0 ? '+' : '−'}${mib(Math.abs(bytes))} MiB`;
}

/** Nothing for less than one per cent. */
function timeText(ratio: number): string[] {
  const percent = Math.round(100 * (ratio - 1));
  if (percent === 0) return [];
  return [`about ${percent > 0 ? '+' : '−'}${Math.abs(percent)} % time`];
}
