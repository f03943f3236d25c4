import type { TripletFate } from '../../../src/common/run/events';
import type { RunView } from '../../../src/common/run/view';
import { formatMetric } from './format';
import type { Cell } from './importance';
import type { TableModel } from './table';

/** A triplet with where it sits; `index` counts from 0 within its module. */
export interface RankedTriplet extends TripletFate {
  readonly module: string;
  readonly block: number;
  readonly index: number;
}

/** All triplets of one report, the most important first. */
export interface Ranking {
  readonly step: number;
  readonly triplets: readonly RankedTriplet[];
  readonly kept: number;
}

/** The ranking at `step`, or that of the last report before it that has one. */
export function rankingAt(run: RunView, step: number): Ranking | undefined {
  const report = run.importance.findLast(one => one.step <= step && one.triplets !== undefined);
  if (report?.triplets === undefined) return undefined;
  const { modules, blocks } = report.tables[0] ?? { modules: [], blocks: [] };
  const triplets = report.triplets.flatMap((row, r) =>
    row.flatMap((cell, c) =>
      (cell ?? []).map((fate, index) => ({ ...fate, module: modules[r], block: blocks[c], index })),
    ),
  );
  triplets.sort((a, b) => a.place - b.place);
  return { step: report.step, triplets, kept: triplets.filter(({ kept }) => kept).length };
}

/** The triplets of one cell, the most important first. */
export function tripletsOf(ranking: Ranking, cell: Cell): RankedTriplet[] {
  return ranking.triplets.filter(({ module, block }) => module === cell.module && block === cell.block);
}

/** Why the triplets of a cell were kept or pruned, in two sentences. */
export function pruningText(ranking: Ranking, cell: Cell): string {
  const own = tripletsOf(ranking, cell);
  const kept = own.filter(triplet => triplet.kept).length;
  const name = `${cell.module} of block ${cell.block}`;
  const all = ranking.triplets.length;
  const counts = `${name} keeps ${kept} of ${own.length} triplets`;
  if (ranking.kept === all) return `${counts}. Nothing is pruned yet: all ${all} are in use.`;
  return `${counts}. Pruned are those whose score was not among the ${ranking.kept} best of ${all} at the last choice.`;
}

/** Those on both sides of the cut, at most `limit`: the lowest kept and the highest pruned ones tell most. */
export function aroundCut(triplets: readonly RankedTriplet[], limit: number): readonly RankedTriplet[] {
  if (triplets.length <= limit) return triplets;
  const cut = triplets.findIndex(({ kept }) => !kept);
  const middle = cut < 0 ? triplets.length : cut;
  const from = Math.min(Math.max(0, middle - Math.floor(limit / 2)), triplets.length - limit);
  return triplets.slice(from, from + limit);
}

const columns = [
  { label: 'place', numeric: true },
  { label: 'triplet', numeric: true },
  { label: 'score', numeric: true },
  { label: 'sensitivity', numeric: true },
  { label: 'uncertainty', numeric: true },
  { label: 'fate', numeric: false },
];

/** The triplets of a cell as a table sorted by place. */
export function tripletTable(ranking: Ranking, cell: Cell, limit = Infinity): TableModel {
  const own = aroundCut(tripletsOf(ranking, cell), limit);
  return {
    caption: `Triplets of ${cell.module}, block ${cell.block}, at step ${ranking.step}`,
    columns,
    rows: own.map(triplet => [`${triplet.place} of ${ranking.triplets.length}`, ...numbersOf(triplet)]),
  };
}

/** The first `limit` triplets of all modules, as a table sorted by place. */
export function rankingTable(ranking: Ranking, limit: number): TableModel {
  const shown = ranking.triplets.slice(0, limit);
  const all = ranking.triplets.length;
  const part = shown.length < all ? `the first ${shown.length} of ${all}; the CSV has them all` : `${all}`;
  const [place, ...others] = columns;
  return {
    caption: `Triplets by place at step ${ranking.step}: ${part}`,
    columns: [place, { label: 'module', numeric: false }, { label: 'block', numeric: true }, ...others],
    rows: shown.map(triplet => [String(triplet.place), triplet.module, String(triplet.block), ...numbersOf(triplet)]),
  };
}

function numbersOf({ index, score, sensitivity, uncertainty, kept }: RankedTriplet): string[] {
  return [String(index + 1), ...[score, sensitivity, uncertainty].map(formatMetric), kept ? 'kept' : 'pruned'];
}
