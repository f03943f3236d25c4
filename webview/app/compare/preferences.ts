import { columnIds, type ColumnId } from './columns';

/** How the person likes the page; kept with the panel. */
export interface ComparePreferences {
  readonly sort: { readonly column: ColumnId; readonly descending: boolean };
  readonly curve: 'evaluation' | 'training';
  /** Whether the curves show their table. */
  readonly curveTable: boolean;
}

export const defaultPreferences: ComparePreferences = {
  sort: { column: 'evalLoss', descending: false },
  curve: 'evaluation',
  curveTable: false,
};

/** What a page leaves behind so that the same comparison comes back after a reload. */
export interface SavedComparison {
  readonly comparison?: string;
  readonly preferences?: ComparePreferences;
}

/** Reads state that an earlier, possibly different, build wrote; anything unusable falls back to its default. */
export function parseSavedComparison(value: unknown): SavedComparison {
  const { comparison, preferences } = record(value);
  const { sort, curve, curveTable } = record(preferences);
  const { column, descending } = record(sort);
  const known = columnIds.find(id => id === column);
  return {
    comparison: typeof comparison === 'string' ? comparison : undefined,
    preferences: {
      sort: known === undefined ? defaultPreferences.sort : { column: known, descending: descending === true },
      curve: curve === 'training' ? 'training' : 'evaluation',
      curveTable: curveTable === true,
    },
  };
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
