import { memoryCategories, type MemoryBytes, type MemoryCategory } from '../../../src/common/run/events';
import type { RunView } from '../../../src/common/run/view';
import { formatBytes, formatPercent } from './format';
import type { TableModel } from './table';

const mebibyte = 1024 * 1024;

const labels: Readonly<Record<MemoryCategory, string>> = {
  weights: 'weights',
  adapter: 'adapter',
  gradients: 'gradients',
  optimizer: 'optimizer',
  activations: 'activations',
  workspace: 'workspace',
  kvCache: 'KV cache',
  staging: 'staging',
  offloadedCpu: 'offloaded to CPU',
  offloadedDisk: 'offloaded to disk',
};

/** What a category is called in every view. */
export function categoryLabel(category: MemoryCategory): string {
  return labels[category];
}

/** True for what lies in GPU memory, false for what was offloaded to the host. */
export function isOnGpu(category: MemoryCategory): boolean {
  return category !== 'offloadedCpu' && category !== 'offloadedDisk';
}

export interface MemoryRow {
  readonly category: MemoryCategory;
  readonly label: string;
  readonly forecast: number;
  readonly measured: number;
}

export interface MemoryModel {
  /** Categories that hold anything, GPU first, in the fixed order. */
  readonly rows: readonly MemoryRow[];
  /** GPU bytes. */
  readonly total: { readonly forecast: number; readonly measured: number };
  /** Bytes at the full width of the bars. */
  readonly scale: number;
  readonly budget?: number;
  /** The budget line is drawn only where it does not squeeze the bars; otherwise the text says it. */
  readonly budgetOnScale: boolean;
}

/** Forecast beside measured by category, or undefined before the first report. */
export function memoryModel(run: RunView): MemoryModel | undefined {
  if (run.memory === undefined) return undefined;
  const { forecast, measured } = run.memory;
  const rows = memoryCategories
    .map(category => ({
      category,
      label: labels[category],
      forecast: forecast[category] ?? 0,
      measured: measured[category] ?? 0,
    }))
    .filter(row => row.forecast > 0 || row.measured > 0);
  const total = { forecast: gpuBytes(forecast), measured: gpuBytes(measured) };
  const used = Math.max(1, total.forecast, total.measured);
  const mib = run.manifest.config.memory.budget_mib;
  const budget = mib === undefined ? undefined : mib * mebibyte;
  const budgetOnScale = budget !== undefined && budget <= used * 1.8;
  return { rows, total, scale: budgetOnScale ? Math.max(used, budget) * 1.03 : used, budget, budgetOnScale };
}

/** Sum of all GPU categories. */
export function gpuBytes(bytes: MemoryBytes): number {
  return memoryCategories.filter(isOnGpu).reduce((sum, category) => sum + (bytes[category] ?? 0), 0);
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
export function memorySummary(model: MemoryModel): string {
  const largest = model.rows.reduce((best, row) => (row.measured > best.measured ? row : best));
  const same = model.total.forecast === model.total.measured;
  const check = same ? 'exactly as forecast' : `forecast ${formatBytes(model.total.forecast)}`;
  return `GPU memory at peak ${formatBytes(model.total.measured)}, ${check}; most of it ${largest.label}, ${formatBytes(largest.measured)}.`;
}

/** Exact bytes, for the table's CSV. */
export function memoryTable(model: MemoryModel): TableModel {
  return {
    caption: 'GPU memory by category, in bytes',
    columns: ['category', 'forecast', 'measured'].map((label, i) => ({ label, numeric: i > 0 })),
    rows: model.rows.map(row => [row.label, String(row.forecast), String(row.measured)]),
  };
}
