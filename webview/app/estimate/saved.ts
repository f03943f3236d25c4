import type { Changes } from '../../../src/common/estimate/changes';

/** What a page leaves behind so that it comes back after a reload as it was. */
export interface SavedEstimate {
  /** Address of the config. */
  readonly config?: string;
  readonly changes: Changes;
  readonly scenarios: readonly Changes[];
  /** Whether the table is on show instead of the bars. */
  readonly table: boolean;
}

/** Reads state that an earlier, possibly different, build wrote; anything unusable is left out. */
export function parseSavedEstimate(value: unknown): SavedEstimate {
  const { config, changes, scenarios, table } = record(value);
  return {
    config: typeof config === 'string' ? config : undefined,
    changes: record(changes),
    scenarios: Array.isArray(scenarios) ? scenarios.map(record).slice(0, mostScenarios) : [],
    table: table === true,
  };
}

/** More bars than this are a list, not a comparison. */
export const mostScenarios = 6;

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
