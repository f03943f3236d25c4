import type { ImportanceTable } from '../../../src/common/run/events';
import type { RunView } from '../../../src/common/run/view';
import { keepTable } from './importance';

/** Whether the adapter of a cell is at work: `returned` is kept again after it had been dropped. */
export type Fate = 'kept' | 'dropped' | 'returned';

export interface CellFate {
  readonly fate: Fate;
  /** How often it came back, as far as reports show. */
  readonly returns: number;
  /** First reported step of its last change. */
  readonly since?: number;
}

/** Fates by module and block, found by label. */
export interface FateMap {
  readonly of: (module: string, block: number) => CellFate | undefined;
  readonly kept: number;
  readonly dropped: number;
  readonly returned: number;
}

/**
 * What has become of each adapter up to `step`, folded over the reports: WeightLoRA's `kept`, AdaLoRA's `kept_rank` (0 is
 * dropped). Undefined for a method that drops nothing, or before its first report.
 */
export function fatesAt(run: RunView, step: number): FateMap | undefined {
  const cells = new Map<string, CellFate>();
  for (const report of run.importance) {
    if (report.step > step) break;
    const table = keepTable(report.tables);
    if (table !== undefined) follow(cells, table, report.step);
  }
  if (cells.size === 0) return undefined;
  const count = (fate: Fate): number => [...cells.values()].filter(cell => cell.fate === fate).length;
  return {
    of: (module, block) => cells.get(keyOf(module, block)),
    kept: count('kept') + count('returned'),
    dropped: count('dropped'),
    returned: count('returned'),
  };
}

/** `dropped`, `kept`, `kept again since step 40`. */
export function fateText({ fate, since }: CellFate): string {
  if (fate === 'kept') return 'kept';
  return `${fate === 'dropped' ? 'dropped' : 'kept again'}${since === undefined ? '' : ` since step ${since}`}`;
}

function follow(cells: Map<string, CellFate>, table: ImportanceTable, step: number): void {
  table.values.forEach((row, r) =>
    row.forEach((value, c) => {
      if (value === null) return;
      const key = keyOf(table.modules[r], table.blocks[c]);
      cells.set(key, next(cells.get(key), value > 0, step));
    }),
  );
}

function next(before: CellFate | undefined, kept: boolean, step: number): CellFate {
  if (before === undefined) return { fate: kept ? 'kept' : 'dropped', returns: 0, ...(kept ? {} : { since: step }) };
  if (kept === (before.fate !== 'dropped')) return before;
  if (!kept) return { fate: 'dropped', returns: before.returns, since: step };
  return { fate: 'returned', returns: before.returns + 1, since: step };
}

function keyOf(module: string, block: number): string {
  return `${block} ${module}`;
}
