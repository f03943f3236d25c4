import type { MemoryCategory, TimelinePoint } from '../../../src/common/run/events';
import { memoryCategories } from '../../../src/common/run/events';
import { decimate } from '../../../src/common/run/series';
import type { RunView } from '../../../src/common/run/view';
import { formatBytes } from './format';
import { isOnGpu } from './memory';
import type { TableModel } from './table';

type Timeline = NonNullable<RunView['timeline']>;

export interface Band {
  readonly category: MemoryCategory;
  /** Bytes at each kept dispatch. */
  readonly bytes: readonly number[];
}

export interface TimelineModel {
  /** Dispatch numbers that are drawn; ascending, the peak among them. */
  readonly indices: readonly number[];
  /** From the bottom up: what stays the whole step, then activations and workspace. */
  readonly bands: readonly Band[];
  readonly phases: readonly { readonly phase: TimelinePoint['phase']; readonly from: number; readonly to: number }[];
}

/** The memory curve of one step, thinned to about two points a pixel without losing a peak. */
export function timelineModel(timeline: Timeline, pixels: number): TimelineModel {
  const { points, fixed, peak } = timeline;
  const totals = points.map(point => point.activations + point.workspace);
  const kept = new Set(decimate(totals, 2 * pixels));
  if (peak.index in points) kept.add(peak.index);
  const indices = [...kept].sort((a, b) => a - b);
  const constant = memoryCategories.filter(
    category =>
      isOnGpu(category) && category !== 'activations' && category !== 'workspace' && (fixed[category] ?? 0) > 0,
  );
  const bands: Band[] = constant.map(category => ({ category, bytes: indices.map(() => fixed[category] ?? 0) }));
  for (const category of ['activations', 'workspace'] as const) {
    bands.push({ category, bytes: indices.map(index => points[index][category] + (fixed[category] ?? 0)) });
  }
  return { indices, bands, phases: phasesOf(points) };
}

/** What runs again is part of the backward pass: a phase of its own for each block would be a forest of lines. */
function phasesOf(points: readonly TimelinePoint[]): TimelineModel['phases'] {
  const phases: { phase: TimelinePoint['phase']; from: number; to: number }[] = [];
  points.forEach(({ phase: own }, i) => {
    const phase = own === 'recompute' ? 'backward' : own;
    const last = phases.at(-1);
    if (last?.phase === phase) last.to = i;
    else phases.push({ phase, from: i, to: i });
  });
  return phases;
}

/** `layers.3.mlp.down_proj` → `block 3 · mlp.down_proj`. */
export function describeOp(op: string): string {
  const match = /^(?:model\.|transformer\.)?(?:layers|h|blocks?)\.(\d+)\.(.+)$/.exec(op);
  return match === null ? op : `block ${match[1]} · ${match[2]}`;
}

/** `peak 41.3 MiB in block 3 · mlp.down_proj · backward`. */
export function timelineSubtitle({ points, peak }: Timeline): string {
  const point = points[peak.index];
  const bytes = formatBytes(peak.bytes);
  return point === undefined ? `peak ${bytes}` : `peak ${bytes} in ${describeOp(point.op)} · ${point.phase}`;
}

/** One sentence for screen readers that says what the curve shows. */
export function timelineSummary(timeline: Timeline): string {
  const count = timeline.points.length;
  return `Memory over the ${count} dispatches of one step; ${timelineSubtitle(timeline)}, dispatch ${timeline.peak.index + 1}.`;
}

/** Live bytes after each dispatch, the highest `limit` first by order of dispatch; all of them without a limit. */
export function timelineTable(timeline: Timeline, limit = Infinity): TableModel {
  const order = timeline.points
    .map((point, index) => ({ point, index, bytes: point.activations + point.workspace }))
    .sort((a, b) => b.bytes - a.bytes)
    .slice(0, limit)
    .sort((a, b) => a.index - b.index);
  const all = order.length === timeline.points.length;
  return {
    caption: all ? 'Live bytes after each dispatch' : `The ${order.length} dispatches with the most live bytes`,
    columns: ['dispatch', 'phase', 'operation', 'activations', 'workspace'].map((label, i) => ({
      label,
      numeric: i === 0 || i > 2,
    })),
    rows: order.map(({ point, index }) => [
      String(index + 1),
      point.phase,
      point.op,
      formatBytes(point.activations),
      formatBytes(point.workspace),
    ]),
  };
}
