import type { ImportanceTable } from '../../../src/common/run/events';
import type { RunView } from '../../../src/common/run/view';

/** One recorded importance table and its step. */
export interface Frame {
  readonly step: number;
  readonly table: ImportanceTable;
  /** Of the same report: zero where an adapter is dropped, so that its value does not count for the colours. */
  readonly keeps?: ImportanceTable;
}

const keepMetrics = ['kept', 'kept_rank'];

/** The table that says which adapters are kept, of a method that drops some. */
export function keepTable(tables: readonly ImportanceTable[]): ImportanceTable | undefined {
  return tables.find(({ metric }) => keepMetrics.includes(metric));
}

/** Metric ids in the order the run reports them. */
export function metricsOf(run: RunView): string[] {
  return run.importance.at(-1)?.tables.map(table => table.metric) ?? [];
}

/** Every recorded table of one metric, oldest first. */
export function framesOf(run: RunView, metric: string): Frame[] {
  return run.importance.flatMap(({ step, tables }) => {
    const table = tables.find(candidate => candidate.metric === metric);
    return table === undefined ? [] : [{ step, table, keeps: keepTable(tables) }];
  });
}

/** Lowest and highest value of adapters that are not dropped, or undefined if there is none. */
export function extentOf(frames: readonly Frame[]): { min: number; max: number } | undefined {
  let min = Infinity;
  let max = -Infinity;
  for (const { table, keeps } of frames) {
    for (const [r, row] of table.values.entries()) {
      for (const [c, value] of row.entries()) {
        if (value === null || !Number.isFinite(value) || keeps?.values[r]?.[c] === 0) continue;
        min = Math.min(min, value);
        max = Math.max(max, value);
      }
    }
  }
  return min <= max ? { min, max } : undefined;
}

/** Where a value lies between the ends, 0 to 1; all equal values lie in the middle. */
export function shareOf(value: number, extent: { min: number; max: number }): number {
  if (extent.max <= extent.min) return 0.5;
  return Math.min(1, Math.max(0, (value - extent.min) / (extent.max - extent.min)));
}

/** A common power of ten for all cells, a multiple of 3, so that cells show short numbers. */
export function exponentOf(max: number): number {
  if (!(max > 0) || !Number.isFinite(max)) return 0;
  const exponent = Math.floor(Math.log10(max) / 3) * 3;
  return exponent === 0 || (exponent === -3 && max >= 0.1) ? 0 : exponent;
}

/** A cell's number with the common power taken out, at most three figures: `1.24`, `12.4`, `124`, `.03`. */
export function formatCell(value: number, exponent: number): string {
  const scaled = value / 10 ** exponent;
  const size = Math.abs(scaled);
  if (!Number.isFinite(scaled)) return String(value);
  if (size >= 100) return scaled.toFixed(0);
  return size >= 10 ? scaled.toFixed(1) : scaled.toFixed(2);
}

const superscripts = '⁰¹²³⁴⁵⁶⁷⁸⁹';

/** ` × 10⁻³`, or nothing for the exponent 0. */
export function formatPower(exponent: number): string {
  if (exponent === 0) return '';
  const digits = [...String(Math.abs(exponent))].map(digit => superscripts[Number(digit)]).join('');
  return ` × 10${exponent < 0 ? '⁻' : ''}${digits}`;
}

/** Row label without what all rows share: `self_attn.q_proj` → `q`. */
export function shortModule(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1).replace(/_proj$/, '');
}

export interface Cell {
  readonly module: string;
  readonly block: number;
}

/** The cell with the highest value, which is the one a person wants to look at first. */
export function strongestCell({ table }: Frame): Cell | undefined {
  let best: Cell | undefined;
  let top = -Infinity;
  table.values.forEach((row, r) =>
    row.forEach((value, c) => {
      if (value === null || !(value > top)) return;
      top = value;
      best = { module: table.modules[r], block: table.blocks[c] };
    }),
  );
  return best;
}

/** One cell's value over the steps; steps where it is missing are left out. */
export function cellCurve(frames: readonly Frame[], cell: Cell): { steps: number[]; values: number[] } {
  const steps: number[] = [];
  const values: number[] = [];
  for (const { step, table } of frames) {
    const value = cellValue(table, cell);
    if (value === null) continue;
    steps.push(step);
    values.push(value);
  }
  return { steps, values };
}

/** The value of a cell found by its labels, so that tables of another shape cannot mix cells up. */
export function cellValue(table: ImportanceTable, cell: Cell): number | null {
  const row = table.modules.indexOf(cell.module);
  const column = table.blocks.indexOf(cell.block);
  return table.values[row]?.[column] ?? null;
}

/** The mean of all cells over the steps. */
export function meanCurve(frames: readonly Frame[]): { steps: number[]; values: number[] } {
  const filled = frames.filter(frame => extentOf([frame]) !== undefined);
  const mean = ({ table }: Frame): number => {
    const values = table.values.flat().filter(value => value !== null);
    return values.reduce((sum, value) => sum + value, 0) / values.length;
  };
  return { steps: filled.map(frame => frame.step), values: filled.map(mean) };
}

/** What changed from one frame to another, cell by cell; cells that one of them lacks are null. */
export function differenceFrame(from: Frame, to: Frame): Frame {
  const { modules, blocks, values, metric } = to.table;
  const difference = values.map((row, r) =>
    row.map((value, c) => {
      const before = cellValue(from.table, { module: modules[r], block: blocks[c] });
      return value === null || before === null ? null : value - before;
    }),
  );
  return { step: to.step, table: { metric, modules, blocks, values: difference } };
}

/** Why there is no heatmap, in a sentence; undefined if one will come or is there. */
export function noImportanceReason(run: RunView): string | undefined {
  const { method, training } = run.manifest.config;
  if (run.importance.length > 0) return undefined;
  if (method.type === 'full') return 'Full fine-tuning trains every weight: there are no adapters to compare.';
  if (training.importance_steps === 0) return 'Importance is turned off: training.importance_steps is 0.';
  return undefined;
}
