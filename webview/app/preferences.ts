/** How the person likes the charts; kept with the panel, never with the run. */
export interface Preferences {
  /** Exponential smoothing of the training loss, 0 (off) to 0.99. */
  readonly smoothing: number;
  readonly logLoss: boolean;
  /** Ids of the cards that show their table instead of their picture. */
  readonly tables: readonly string[];
  /** Importance metric id; the first one of the run if it has no such metric. */
  readonly metric: string;
  /** Whether heat colours span the step on show or the whole run. */
  readonly heatRange: 'step' | 'run';
}

export const defaultPreferences: Preferences = {
  smoothing: 0.6,
  logLoss: false,
  tables: [],
  metric: '',
  heatRange: 'step',
};

/** What a page leaves behind so that the same run comes back after a reload. */
export interface SavedState {
  readonly runId?: string;
  /** Runs drawn beside it. */
  readonly overlays: readonly string[];
  readonly preferences: Preferences;
}

/** Reads state that an earlier, possibly different, build wrote; anything unusable falls back to its default. */
export function parseSavedState(value: unknown): SavedState {
  const saved = record(value);
  return {
    runId: typeof saved.runId === 'string' ? saved.runId : undefined,
    overlays: strings(saved.overlays),
    preferences: parsePreferences(saved.preferences),
  };
}

/** `tables` with `card` in or out. */
export function toggled(tables: readonly string[], card: string, shown: boolean): string[] {
  const others = tables.filter(table => table !== card);
  return shown ? [...others, card] : others;
}

function parsePreferences(value: unknown): Preferences {
  const { smoothing, logLoss, tables, metric, heatRange } = record(value);
  const usable = typeof smoothing === 'number' && smoothing >= 0 && smoothing <= 0.99;
  return {
    smoothing: usable ? smoothing : defaultPreferences.smoothing,
    logLoss: logLoss === true,
    tables: strings(tables),
    metric: typeof metric === 'string' ? metric : defaultPreferences.metric,
    heatRange: heatRange === 'run' ? 'run' : 'step',
  };
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter(item => typeof item === 'string') : [];
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
