import { peakText } from '../../../src/common/config/peakText';
import { verdictOf as memoryVerdict } from '../../../src/common/config/verdict';
import type { EstimateNumbers } from '../../../src/common/estimate/protocol';
import type { Outcome } from '../../../src/common/estimate/outcome';
import type { Changes } from '../../../src/common/estimate/changes';
import { memoryCategories, type MemoryCategory } from '../../../src/common/run/events';
import { formatBytes, formatCount, formatPercent } from '../model/format';
import { categoryLabel, isOnGpu } from '../model/memory';
import type { TableModel } from '../model/table';

export type Tone = 'neutral' | 'good' | 'warning' | 'error';

/** One config among those that are compared. */
export interface BarRow {
  readonly title: string;
  /** What differs from the config as it is. */
  readonly changes: string;
  readonly outcome: Outcome;
  /** GPU bytes more or less than the config as it is takes. */
  readonly delta?: number;
  /** How much longer or shorter a step takes than that of the config as it is, in words. */
  readonly time?: string;
  readonly verdict: { readonly tone: Tone; readonly text: string };
  /** Whether the budget of this row is not the one of the row above. */
  readonly namesBudget: boolean;
  /** Place among the scenarios, for those that can be taken up again or removed. */
  readonly scenario?: number;
}

export interface BarsModel {
  readonly rows: readonly BarRow[];
  /** Bytes at the full width of a bar. */
  readonly scale: number;
  /** Categories that any row has, in their fixed order. */
  readonly categories: readonly MemoryCategory[];
}

/** The rows to draw: the config as it is, with the toggles where they differ, and each scenario. */
export function barsModel(numbers: EstimateNumbers, changes: Changes, answered: readonly Changes[]): BarsModel {
  const { asIs, changed, scenarios } = numbers;
  const isKept = answered.some(one => JSON.stringify(one) === JSON.stringify(changes));
  const rows = [
    rowOf('As it is', asIs, asIs),
    ...(changed.changes.length > 0 && !isKept ? [rowOf('With these changes', changed, asIs)] : []),
    ...scenarios.map((outcome, i) => ({ ...rowOf(`Scenario ${i + 1}`, outcome, asIs), scenario: i })),
  ];
  const found = rows.flatMap(({ outcome }) => (outcome.estimate === undefined ? [] : [outcome.estimate]));
  const widest = Math.max(1, ...found.flatMap(({ total, host, disk }) => [total, host + disk]));
  const budgets = rows.flatMap(({ outcome }) => outcome.budget ?? []).filter(budget => budget <= widest * 2.5);
  const categories = memoryCategories.filter(category => found.some(({ bytes }) => (bytes[category] ?? 0) > 0));
  const named = rows.map((row, i) => ({
    ...row,
    namesBudget: row.outcome.budget !== rows.at(i - 1)?.outcome.budget || i === 0,
  }));
  return { rows: named, scale: Math.max(widest, ...budgets) * 1.02, categories };
}

function rowOf(title: string, outcome: Outcome, asIs: Outcome): Omit<BarRow, 'namesBudget'> {
  const [total, before] = [outcome.estimate?.total, asIs.estimate?.total];
  const delta = outcome === asIs || total === undefined || before === undefined ? undefined : total - before;
  const time = outcome === asIs ? undefined : timeText(outcome, asIs);
  return { title, changes: outcome.changes.join(' · '), outcome, delta, time, verdict: verdictOf(outcome) };
}

/** Whether a run would fit, in a few words. */
export function verdictOf({ estimate, budget, troubles }: Outcome): BarRow['verdict'] {
  if (estimate === undefined) return { tone: 'error', text: 'cannot be planned' };
  if (troubles.length > 0) return { tone: 'error', text: 'cannot run' };
  const held = memoryVerdict(estimate, { budget_mib: budget === undefined ? undefined : budget / 2 ** 20 });
  if (held.kind === 'open' || held.kind === 'refused') return { tone: 'neutral', text: 'no budget set' };
  const { needed, budget: room } = held;
  if (held.kind === 'over') return { tone: 'error', text: `${formatBytes(needed - room)} over the budget` };
  const share = `${formatPercent(needed / room)} of the budget`;
  return held.kind === 'tight'
    ? { tone: 'warning', text: `fits barely, ${share}` }
    : { tone: 'good', text: `fits, ${share}` };
}

/**
 * `about +50 % time` against the config as it is; undefined for less than one per cent. Transfers are apart where no run has
 * shown what they cost here.
 */
function timeText({ estimate }: Outcome, asIs: Outcome): string | undefined {
  if (estimate === undefined || asIs.estimate === undefined) return undefined;
  const percent = Math.round(100 * (estimate.time.factor / asIs.estimate.time.factor - 1));
  const isWhole = estimate.time.complete && asIs.estimate.time.complete;
  if (percent === 0) return isWhole ? undefined : 'time of transfers unknown';
  return `about ${percent > 0 ? '+' : '−'}${Math.abs(percent)} % time${isWhole ? '' : ', transfers apart'}`;
}

/** `−3.40 MiB`, `+512 B`, `the same`. */
export function deltaText(delta: number): string {
  if (delta === 0) return 'the same';
  return `${delta < 0 ? '−' : '+'}${formatBytes(Math.abs(delta))}`;
}

/** What else is known about a row: its largest part, where it peaks, what waits outside and what travels. */
export function factsOf({ estimate }: Outcome): string[] {
  if (estimate === undefined) return [];
  const { bytes, host, disk, transfers, peak, trainableParameters: trained, totalParameters: all } = estimate;
  const parts = memoryCategories.filter(isOnGpu).map(category => ({ category, size: bytes[category] ?? 0 }));
  const largest = parts.reduce((best, part) => (part.size > best.size ? part : best));
  return [
    `most of it ${categoryLabel(largest.category)}, ${formatBytes(largest.size)}`,
    `peak at ${peakText(peak)}`,
    ...(host > 0 ? [`${formatBytes(host)} in host memory`] : []),
    ...(disk > 0 ? [`${formatBytes(disk)} on disk`] : []),
    ...(transfers.up > 0 ? [`a step sends ${formatBytes(transfers.up)} to the GPU`] : []),
    ...(transfers.down > 0 ? [`it takes ${formatBytes(transfers.down)} back`] : []),
    `${formatCount(trained)} of ${formatCount(all)} parameters train`,
  ];
}

/** One sentence about the toggles for the header and for screen readers. */
export function statusText({ asIs, changed }: EstimateNumbers): string {
  const now =
    asIs.estimate === undefined ? 'The config cannot be planned' : `${formatBytes(asIs.estimate.total)} on the GPU`;
  if (changed.changes.length === 0) return `${now}, ${verdictOf(asIs).text}`;
  if (changed.estimate === undefined) return `${now}; with these changes it cannot be planned`;
  const change = asIs.estimate === undefined ? '' : ` (${deltaText(changed.estimate.total - asIs.estimate.total)})`;
  return `${now} → ${formatBytes(changed.estimate.total)}${change}, ${verdictOf(changed).text}`;
}

/** The numbers behind the bars, exact. */
export function barsTable({ rows, categories }: BarsModel): TableModel {
  const cells = (of: (outcome: Outcome) => number | undefined) => rows.map(({ outcome }) => String(of(outcome) ?? ''));
  return {
    caption: 'Memory at peak by category, in bytes',
    columns: ['', ...rows.map(({ title }) => title)].map((label, i) => ({ label, numeric: i > 0 })),
    rows: [
      ...categories.map(one => [
        categoryLabel(one),
        ...cells(({ estimate }) => estimate && (estimate.bytes[one] ?? 0)),
      ]),
      ['GPU total', ...cells(({ estimate }) => estimate?.total)],
      ['host memory', ...cells(({ estimate }) => estimate?.host)],
      ['disk', ...cells(({ estimate }) => estimate?.disk)],
      ['budget', ...cells(({ budget }) => budget)],
      ['to the GPU in a step', ...cells(({ estimate }) => estimate?.transfers.up)],
      ['from the GPU in a step', ...cells(({ estimate }) => estimate?.transfers.down)],
      ['peak at', ...rows.map(({ outcome: { estimate } }) => (estimate ? peakText(estimate.peak) : ''))],
      [
        'time of a step',
        ...rows.map(({ outcome: { estimate } }) => (estimate ? `${Number(estimate.time.factor.toFixed(2))} ×` : '')),
      ],
      ['trained parameters', ...cells(({ estimate }) => estimate?.trainableParameters)],
      ['changes', ...rows.map(({ changes }) => changes)],
      ['verdict', ...rows.map(({ verdict }) => verdict.text)],
    ],
  };
}

/** A value of a key as it is written; `null` is a key that is left out. */
export function valueText(value: unknown): string {
  if (value === null || value === undefined) return 'not set';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
