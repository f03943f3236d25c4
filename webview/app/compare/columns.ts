import type { ComparedGroup } from '../../../src/common/comparison/groups';
import { groupState } from '../../../src/common/comparison/groups';
import type { Estimate } from '../../../src/common/comparison/statistics';
import {
  absent,
  formatBytes,
  formatCount,
  formatDuration,
  formatMetric,
  formatPercent,
  formatRate,
} from '../model/format';
import type { TableModel } from '../model/table';

export const columnIds = [
  'label',
  'evalLoss',
  'delta',
  'exactMatch',
  'peak',
  'time',
  'step',
  'trainable',
  'rate',
  'tokens',
  'front',
  'seeds',
  'state',
] as const;
export type ColumnId = (typeof columnIds)[number];

/** One column of the table: what it is called, how it sorts and what its cells say. */
export interface Column {
  readonly id: ColumnId;
  readonly label: string;
  readonly hint: string;
  readonly numeric: boolean;
  /** Undefined goes last, in whatever direction. */
  readonly sortBy: (group: ComparedGroup) => number | string | undefined;
  readonly text: (group: ComparedGroup) => string;
  /** Full precision, for the CSV. */
  readonly raw: (group: ComparedGroup) => string;
}

const numeric = (
  id: ColumnId,
  label: string,
  hint: string,
  of: (group: ComparedGroup) => number | undefined,
  format: (value: number) => string,
): Column => ({
  id,
  label,
  hint,
  numeric: true,
  sortBy: of,
  text: group => {
    const value = of(group);
    return value === undefined ? absent : format(value);
  },
  raw: group => String(of(group) ?? ''),
});

const rateOf = ({ runs, trains }: ComparedGroup): number | undefined =>
  trains ? runs.at(0)?.config.training.learning_rate : undefined;

const columns: readonly Column[] = [
  {
    id: 'label',
    label: 'variant',
    hint: 'What differs from the other rows',
    numeric: false,
    sortBy: group => group.label,
    text: group => group.label,
    raw: group => group.label,
  },
  {
    ...numeric(
      'evalLoss',
      'eval loss',
      'Lowest evaluation loss after the first step; mean over seeds, with its 95 % interval from three seeds on',
      group => group.evalLoss?.mean,
      formatMetric,
    ),
    text: group => formatEstimate(group.evalLoss),
  },
  numeric('delta', 'Δ base', 'Eval loss less that of the untouched base model', group => group.delta, signed),
  {
    ...numeric(
      'exactMatch',
      'exact',
      'Share of evaluation rows completed exactly, at the last evaluation',
      group => group.exactMatch?.mean,
      formatPercent,
    ),
    text: group => (group.exactMatch === undefined ? absent : formatPercent(group.exactMatch.mean)),
  },
  numeric('peak', 'peak memory', 'GPU memory, as measured', group => group.peakBytes, formatBytes),
  numeric(
    'time',
    'time',
    'All training steps together, without evaluations and pauses',
    group => group.trainMs,
    formatDuration,
  ),
  numeric('step', 'a step', 'Median time of a training step', group => group.stepMs, formatMs),
  numeric('trainable', 'trainable', 'Parameters that train', group => group.trainable, formatCount),
  numeric('rate', 'rate', 'Learning rate', rateOf, formatRate),
  numeric('tokens', 'tokens', 'Tokens seen in training', group => group.tokens, formatCount),
  {
    id: 'front',
    label: 'front',
    hint: 'On the Pareto front of loss and memory, or of loss and time: no other is better in both',
    numeric: false,
    sortBy: group => (group.fronts.length === 0 ? undefined : group.fronts.join()),
    text: group => group.fronts.join(', '),
    raw: group => group.fronts.join(' '),
  },
  {
    ...numeric('seeds', 'seeds', 'Runs that the numbers are a mean of', group => group.runs.length, String),
    text: group => `${group.runs.length} of ${group.variants.length}`,
  },
  {
    id: 'state',
    label: 'state',
    hint: 'Where its runs are',
    numeric: false,
    sortBy: groupState,
    text: groupState,
    raw: groupState,
  },
];

/** The columns that have something to say about these groups. */
export function columnsFor(groups: readonly ComparedGroup[]): readonly Column[] {
  const isUsed = ({ id }: Column): boolean =>
    id !== 'exactMatch' || groups.some(group => group.exactMatch !== undefined);
  return columns.filter(isUsed);
}

/** The groups in the order of a column; those without a value last, equal ones as they were. */
export function sortGroups(groups: readonly ComparedGroup[], id: ColumnId, descending: boolean): ComparedGroup[] {
  const column = columns.find(one => one.id === id) ?? columns[0];
  const sign = descending ? -1 : 1;
  return [...groups].sort((a, b) => {
    const [x, y] = [column.sortBy(a), column.sortBy(b)];
    if (x === undefined || y === undefined) return Number(x === undefined) - Number(y === undefined);
    return sign * (typeof x === 'string' || typeof y === 'string' ? String(x).localeCompare(String(y)) : x - y);
  });
}

/** Every column at full precision, with the half width of the interval, one row a group. */
export function comparisonCsv(name: string, groups: readonly ComparedGroup[]): TableModel {
  const labels = [...columns.map(({ id }) => id as string), 'evalLossHalf95'];
  return {
    caption: name,
    columns: labels.map(label => ({ label, numeric: true })),
    rows: groups.map(group => [...columns.map(column => column.raw(group)), String(group.evalLoss?.half ?? '')]),
  };
}

/** `4.412 ± 0.031`, `4.412` without an interval. */
export function formatEstimate(value: Estimate | undefined): string {
  if (value === undefined) return absent;
  return value.half === undefined
    ? formatMetric(value.mean)
    : `${formatMetric(value.mean)} ± ${formatHalf(value.half)}`;
}

function formatHalf(half: number): string {
  return half >= 0.0095 ? half.toFixed(half >= 1 ? 1 : half >= 0.095 ? 2 : 3) : half.toPrecision(1);
}

function signed(value: number): string {
  return value < 0 ? `−${formatMetric(-value)}` : `+${formatMetric(value)}`;
}

/** `482 ms`, `1.42 s`. */
export function formatMs(milliseconds: number): string {
  return milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(2)} s`;
}
