import type { MemoryBytes, MemoryCategory } from '../../../src/common/run/events';
import { memoryCategories } from '../../../src/common/run/events';
import type { RunView } from '../../../src/common/run/view';
import { formatBytes, formatPercent } from './format';
import { categoryLabel, memoryPlaces, placeLabel, placeNoun, placeOf, type MemoryPlace } from './memory';
import type { RunColour } from './overlays';
import type { TableModel } from './table';

/** A run of the pair, as the card names it. */
export interface PairedRun {
  readonly label: string;
  readonly colour: RunColour;
  readonly run: RunView;
}

/** Measured bytes of the first and of the second run. */
export interface PairRow {
  readonly category: MemoryCategory;
  readonly label: string;
  readonly bytes: readonly [number, number];
}

export interface PairGroup {
  readonly place: MemoryPlace;
  readonly label: string;
  readonly rows: readonly PairRow[];
  readonly total: readonly [number, number];
}

export interface PairModel {
  readonly runs: readonly [PairedRun, PairedRun];
  /** The GPU, then the other places in which one of the runs holds anything. */
  readonly groups: readonly PairGroup[];
  /** Bytes at the full width of the stacked bars. */
  readonly scale: number;
  /** The same for the bars of single categories. */
  readonly rowScale: number;
}

/** Two runs' measured memory side by side, or undefined while one of them has not reported yet. */
export function pairModel(first: PairedRun, second: PairedRun): PairModel | undefined {
  const reports = [first.run.memory, second.run.memory];
  if (reports[0] === undefined || reports[1] === undefined) return undefined;
  const measured = [reports[0].measured, reports[1].measured] as const;
  const groups = memoryPlaces.map(place => groupOf(place, measured)).filter(({ rows }) => rows.length > 0);
  return {
    runs: [first, second],
    groups,
    scale: Math.max(1, ...groups.flatMap(group => group.total)),
    rowScale: Math.max(1, ...groups.flatMap(group => group.rows.flatMap(row => row.bytes))),
  };
}

function groupOf(place: MemoryPlace, [first, second]: readonly [MemoryBytes, MemoryBytes]): PairGroup {
  const rows = memoryCategories
    .filter(category => placeOf(category) === place)
    .map((category): PairRow => ({
      category,
      label: categoryLabel(category),
      bytes: [first[category] ?? 0, second[category] ?? 0],
    }))
    .filter(({ bytes }) => bytes[0] > 0 || bytes[1] > 0);
  const sum = (side: 0 | 1): number => rows.reduce((total, row) => total + row.bytes[side], 0);
  return { place, label: placeLabel(place), rows, total: [sum(0), sum(1)] };
}

/** What the second has over the first: `+1.20 MiB`, `−3.40 MiB`, `same`. */
export function formatDifference([first, second]: readonly [number, number]): string {
  const difference = second - first;
  if (difference === 0) return 'same';
  return `${difference > 0 ? '+' : '−'}${formatBytes(Math.abs(difference))}`;
}

/** `devil-lora takes 3.20 MiB (18 %) less GPU memory than devil-full.` */
export function pairSummary({ runs, groups }: PairModel): string {
  const [first, second] = runs;
  const sentences = groups.map(({ place, total }) => {
    const noun = placeNoun(place);
    const difference = total[1] - total[0];
    if (difference === 0) return `${second.label} takes as much ${noun} as ${first.label}.`;
    const share = total[0] > 0 ? ` (${formatPercent(Math.abs(difference) / total[0])})` : '';
    const how = difference > 0 ? 'more' : 'less';
    return `${second.label} takes ${formatBytes(Math.abs(difference))}${share} ${how} ${noun} than ${first.label}.`;
  });
  return sentences.join(' ');
}

/** Exact bytes, for the table's CSV. */
export function pairTable({ runs, groups }: PairModel): TableModel {
  const line = (place: string, category: string, [first, second]: readonly [number, number]): string[] => [
    place,
    category,
    String(first),
    String(second),
    String(second - first),
  ];
  const names = ['place', 'category', ...runs.map(({ label }) => label), 'difference'];
  return {
    caption: 'Measured memory of two runs by place and category, in bytes',
    columns: names.map((label, i) => ({ label, numeric: i > 1 })),
    rows: groups.flatMap(({ label, rows, total }) => [
      ...rows.map(row => line(label, row.label, row.bytes)),
      line(label, 'total', total),
    ]),
  };
}
