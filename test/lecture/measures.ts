/** Numbers about one run, taken from nothing but its events. */
import type { ImportanceTable, MemoryBytes, RunEvent } from '../../src/common/run/events';

export type Measures = Readonly<Record<string, number>>;

type EventOf<T extends RunEvent['type']> = Extract<RunEvent, { type: T }>;

/**
 * Measures by name; one that a run does not have is left out. Losses are in nats a token, memory in bytes, times in
 * milliseconds; a sample is the last one. `weights`, `peak` and so on are those of the start, `peakEnd` those after the method freed something.
 */
export function measuresOf(events: readonly RunEvent[]): Measures {
  const all = { ...evaluations(events), ...training(events), ...memory(events), ...importance(events) };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as Measures;
}

type Partly = Record<string, number | undefined>;

function evaluations(events: readonly RunEvent[]): Partly {
  const all = of(events, 'evaluation');
  const last = all.at(-1);
  const draws = last?.draws?.map(draw => draw.loss);
  return {
    evalFirst: all.at(0)?.loss,
    evalLast: last?.loss,
    evalBest: all.length > 0 ? Math.min(...all.map(event => event.loss)) : undefined,
    draws: draws?.length,
    lowestDraw: draws && Math.min(...draws),
    highestDraw: draws && Math.max(...draws),
  };
}

function training(events: readonly RunEvent[]): Partly {
  const started = of(events, 'started').at(0);
  const steps = of(events, 'metrics');
  const sample = events.findLastIndex(event => event.type === 'sample');
  return {
    trainable: started?.trainableParameters,
    parameters: started?.totalParameters,
    steps: steps.length,
    tokens: total(steps.map(event => event.tokens)),
    highestLoss: steps.length > 0 ? Math.max(...steps.map(event => event.loss)) : undefined,
    lastOrthogonality: steps.at(-1)?.terms?.orthogonality,
    trainMs: steps.length > 0 ? total(steps.map(event => event.stepMs)) : undefined,
    sampleTokens: of(events, 'sample').at(-1)?.tokens,
    sampleMs: sample > 0 ? events[sample].time - events[sample - 1].time : undefined,
  };
}

function memory(events: readonly RunEvent[]): Partly {
  const all = of(events, 'memory');
  const [first, last] = [all.at(0), all.at(-1)];
  if (!first || !last) return {};
  return {
    ...first.measured,
    peak: bytes(first.measured),
    peakEnd: bytes(last.measured),
    adapterEnd: last.measured.adapter,
    optimizerEnd: last.measured.optimizer,
    forecastError: Math.max(...all.map(({ forecast, measured }) => differenceOf(forecast, measured))),
  };
}

function importance(events: readonly RunEvent[]): Partly {
  const all = of(events, 'importance');
  const last = all.at(-1);
  const ranks = last && numbers(last.tables.find(table => table.metric === 'kept_rank'));
  const masses = last && numbers(last.tables.find(table => table.metric === 'attention_mass'));
  return {
    budgetFirst: all.at(0)?.budget?.actual,
    budgetLast: last?.budget?.actual,
    plannedLast: last?.budget?.planned,
    lowestRank: ranks && Math.min(...ranks),
    highestRank: ranks && Math.max(...ranks),
    highestMass: masses && Math.max(...masses),
  };
}

function of<T extends RunEvent['type']>(events: readonly RunEvent[], type: T): EventOf<T>[] {
  return events.filter((event): event is EventOf<T> => event.type === type);
}

function numbers(table: ImportanceTable | undefined): number[] | undefined {
  return table?.values.flat().filter(value => value !== null);
}

const total = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);
const bytes = (memory: MemoryBytes) => total(Object.values(memory));

/** The largest difference of any category. */
function differenceOf(forecast: MemoryBytes, measured: MemoryBytes): number {
  const categories = Object.keys({ ...forecast, ...measured }) as (keyof MemoryBytes)[];
  return Math.max(0, ...categories.map(name => Math.abs((forecast[name] ?? 0) - (measured[name] ?? 0))));
}
