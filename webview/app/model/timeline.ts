import type { MemoryCategory, Timeline, TimelinePoint } from '../../../src/common/run/events';
import { memoryCategories } from '../../../src/common/run/events';
import { decimate } from '../../../src/common/run/series';
import { formatBytes } from './format';
import { isOnGpu } from './memory';
import { describeOp, describeTransfer, marksSummary, tensorsAt } from './timelineMarks';
import type { TableModel } from './table';

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

/** `peak 41.3 MiB in block 3 · mlp.down_proj · backward`. */
export function timelineSubtitle({ points, peak }: Timeline): string {
  const point = points[peak.index];
  const bytes = formatBytes(peak.bytes);
  return point === undefined ? `peak ${bytes}` : `peak ${bytes} in ${describeOp(point.op)} · ${point.phase}`;
}

/** One sentence for screen readers that says what the curve shows. */
export function timelineSummary(timeline: Timeline): string {
  const count = timeline.points.length;
  const marks = marksSummary(timeline);
  const peak = `${timelineSubtitle(timeline)}, dispatch ${timeline.peak.index + 1}`;
  return `Memory over the ${count} dispatches of one step; ${peak}${marks === '' ? '' : `; ${marks}`}.`;
}

/** Live bytes after each dispatch, the highest `limit` first by order of dispatch; all of them without a limit. */
export function timelineTable(timeline: Timeline, limit = Infinity): TableModel {
  const order = timeline.points
    .map((point, index) => ({ point, index, bytes: point.activations + point.workspace }))
    .sort((a, b) => b.bytes - a.bytes)
    .slice(0, limit)
    .sort((a, b) => a.index - b.index);
  const all = order.length === timeline.points.length;
  const moves = transfersByIndex(timeline);
  const columns = ['dispatch', 'phase', 'operation', 'activations', 'workspace', 'largest tensor', 'transfer'];
  return {
    caption: all ? 'Live bytes after each dispatch' : `The ${order.length} dispatches with the most live bytes`,
    columns: columns.map((label, i) => ({ label, numeric: [0, 3, 4].includes(i) })),
    rows: order.map(({ point, index }) => [
      String(index + 1),
      point.phase,
      point.op,
      formatBytes(point.activations),
      formatBytes(point.workspace),
      tensorsAt(timeline, index, 1)
        .map(({ label, text }) => `${label}, ${text}`)
        .join(),
      moves.get(index)?.join('; ') ?? '',
    ]),
  };
}

function transfersByIndex({ transfers = [] }: Timeline): Map<number, string[]> {
  const byIndex = new Map<number, string[]>();
  for (const transfer of transfers) {
    const text = `${describeTransfer(transfer)}, ${formatBytes(transfer.bytes)}`;
    byIndex.set(transfer.index, [...(byIndex.get(transfer.index) ?? []), text]);
  }
  return byIndex;
}
