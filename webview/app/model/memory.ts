import { memoryCategories, type MemoryCategory } from '../../../src/common/run/events';
import { memoryLabels } from '../../../src/common/run/memoryLabels';
import type { RunView } from '../../../src/common/run/view';
import { formatBytes, formatPercent } from './format';
import type { TableModel } from './table';

const mebibyte = 1024 * 1024;

/** What a category is called in every view. */
export function categoryLabel(category: MemoryCategory): string {
  return memoryLabels[category];
}

/** True for what lies in GPU memory, false for what was offloaded to the host. */
export function isOnGpu(category: MemoryCategory): boolean {
  return category !== 'offloadedCpu' && category !== 'offloadedDisk';
}

/** Where bytes lie. */
export const memoryPlaces = ['gpu', 'cpu', 'disk'] as const;
export type MemoryPlace = (typeof memoryPlaces)[number];

const placeLabels: Readonly<Record<MemoryPlace, string>> = { gpu: 'GPU', cpu: 'Host memory', disk: 'Disk' };

/** What a place is called in every view. */
export function placeLabel(place: MemoryPlace): string {
  return placeLabels[place];
}

/** What a place is called within a sentence. */
export function placeNoun(place: MemoryPlace): string {
  return place === 'gpu' ? 'GPU memory' : placeLabels[place].toLowerCase();
}

/** Where the bytes of a category lie. */
export function placeOf(category: MemoryCategory): MemoryPlace {
  if (isOnGpu(category)) return 'gpu';
  return category === 'offloadedCpu' ? 'cpu' : 'disk';
}

/** Forecast and measured bytes. */
export interface Sides {
  readonly forecast: number;
  readonly measured: number;
}

export interface MemoryRow extends Sides {
  readonly category: MemoryCategory;
  readonly label: string;
}

export interface MemoryGroup {
  readonly place: MemoryPlace;
  readonly label: string;
  readonly rows: readonly MemoryRow[];
  readonly total: Sides;
}

export interface MemoryModel {
  /** The GPU, then the other places that hold anything. */
  readonly groups: readonly MemoryGroup[];
  /** GPU bytes. */
  readonly total: Sides;
  /** Bytes at the full width of the bars, the same for all groups. */
  readonly scale: number;
  readonly budget?: number;
  /** The budget line is drawn only where it does not squeeze the bars; otherwise the text says it. */
  readonly budgetOnScale: boolean;
}

/** Forecast beside measured by place and category, or undefined before the first report. */
export function memoryModel(run: RunView): MemoryModel | undefined {
  if (run.memory === undefined) return undefined;
  const rows = rowsOf(run.memory);
  const groups = memoryPlaces
    .map(place => groupOf(place, rows))
    .filter(({ place, rows: own }) => place === 'gpu' || own.length > 0);
  const { total } = groups[0];
  const used = Math.max(1, ...groups.flatMap(group => [group.total.forecast, group.total.measured]));
  const mib = run.manifest.config.memory.budget_mib;
  const budget = mib === undefined ? undefined : mib * mebibyte;
  const budgetOnScale = budget !== undefined && budget <= Math.max(total.forecast, total.measured) * 1.8;
  const scale = budgetOnScale ? Math.max(used, budget * 1.03) : used;
  return { groups, total, scale, budget, budgetOnScale };
}

function rowsOf({ forecast, measured }: NonNullable<RunView['memory']>): MemoryRow[] {
  return memoryCategories
    .map(category => ({
      category,
      label: memoryLabels[category],
      forecast: forecast[category] ?? 0,
      measured: measured[category] ?? 0,
    }))
    .filter(row => row.forecast > 0 || row.measured > 0);
}

function groupOf(place: MemoryPlace, all: readonly MemoryRow[]): MemoryGroup {
  const rows = all.filter(row => placeOf(row.category) === place);
  const sum = (side: keyof Sides): number => rows.reduce((total, row) => total + row[side], 0);
  return { place, label: placeLabels[place], rows, total: { forecast: sum('forecast'), measured: sum('measured') } };
}

/** `37.2 MiB, 78 % of budget`, or without a budget `37.2 MiB at peak`. */
export function memorySubtitle(model: MemoryModel): string {
  const used = Math.max(model.total.forecast, model.total.measured);
  const total = formatBytes(used);
  if (model.budget === undefined) return `${total} at peak`;
  return used > model.budget
    ? `${total}, over the budget`
    : `${total}, ${formatPercent(used / model.budget)} of budget`;
}

/** One sentence for screen readers that says what the bars show. */
export function memorySummary({ groups, total }: MemoryModel): string {
  const [gpu, ...others] = groups;
  const largest = gpu.rows.reduce((best, row) => (row.measured > best.measured ? row : best), gpu.rows[0]);
  const same = total.forecast === total.measured;
  const check = same ? 'exactly as forecast' : `forecast ${formatBytes(total.forecast)}`;
  const most = `most of it ${largest.label}, ${formatBytes(largest.measured)}`;
  const rest = others.map(group => `; ${formatBytes(group.total.measured)} in ${placeNoun(group.place)}`).join('');
  return `GPU memory at peak ${formatBytes(total.measured)}, ${check}; ${most}${rest}.`;
}

/** Exact bytes, for the table's CSV. */
export function memoryTable({ groups }: MemoryModel): TableModel {
  const line = (place: string, category: string, sides: Sides): string[] => [
    place,
    category,
    String(sides.forecast),
    String(sides.measured),
  ];
  return {
    caption: 'Memory by place and category, in bytes',
    columns: ['place', 'category', 'forecast', 'measured'].map((label, i) => ({ label, numeric: i > 1 })),
    rows: groups.flatMap(({ label, rows, total }) => [
      ...rows.map(row => line(label, row.label, row)),
      line(label, 'total', total),
    ]),
  };
}
