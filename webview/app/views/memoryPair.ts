import { h } from '../dom';
import { absent, formatBytes, formatExactBytes } from '../model/format';
import { formatDifference, type PairedRun, type PairGroup, type PairModel, type PairRow } from '../model/memoryPair';
import { stackedBars } from './memoryBars';

const sides = [0, 1] as const;

/** Two runs' memory: a stacked bar each, then each category with both bars and the difference. */
export function memoryPair(model: PairModel): HTMLElement[] {
  const groups = model.groups.map(({ label, rows, total }) => ({
    label,
    bars: sides.map(side => ({
      label: runMark(model.runs[side]),
      name: model.runs[side].label,
      total: total[side],
      segments: rows.map(row => ({ category: row.category, label: row.label, bytes: row.bytes[side] })),
    })),
  }));
  return [...stackedBars(groups, model.scale), pairTable(model)];
}

function runMark({ label, colour }: PairedRun): HTMLElement {
  const mark = h('i', { class: 'mark mark-line', 'data-colour': colour });
  return h('span', { class: 'run-mark', title: label }, mark, h('span', {}, label));
}

function pairTable(model: PairModel): HTMLElement {
  const heads = model.runs.map(run => h('th', { scope: 'col', class: 'numeric' }, runMark(run)));
  return h(
    'table',
    { class: 'data memory-table pair-table' },
    h('caption', { class: 'visually-hidden' }, 'Measured memory of two runs by place and category'),
    h('thead', {}, h('tr', {}, h('td', {}), ...heads, h('th', { scope: 'col', class: 'numeric' }, 'difference'))),
    ...model.groups.map(group => groupBody(group, model)),
  );
}

/** A group of one category is its own total. */
function groupBody(group: PairGroup, model: PairModel): HTMLElement {
  if (group.place !== 'gpu' && group.rows.length === 1) {
    const [row] = group.rows;
    const swatch = h('i', { class: 'swatch', 'data-category': row.category });
    const head = h('th', { scope: 'row', title: row.label }, swatch, group.label);
    return h('tbody', {}, valuesRow(head, row.bytes, 'total'), barsRow(row, model));
  }
  const rows = group.rows.flatMap(row => [
    valuesRow(
      h('th', { scope: 'row' }, h('i', { class: 'swatch', 'data-category': row.category }), row.label),
      row.bytes,
    ),
    barsRow(row, model),
  ]);
  const total = valuesRow(h('th', { scope: 'row' }, `${group.label} total`), group.total, 'total');
  return h('tbody', {}, ...rows, total);
}

function valuesRow(head: HTMLElement, bytes: readonly [number, number], kind?: string): HTMLElement {
  const cells = bytes.map(value =>
    h('td', { class: 'numeric', title: formatExactBytes(value) }, value === 0 ? absent : formatBytes(value)),
  );
  const title = formatExactBytes(bytes[1] - bytes[0]);
  const way = bytes[1] === bytes[0] ? 'same' : bytes[1] > bytes[0] ? 'more' : 'less';
  const difference = h('td', { class: `numeric difference ${way}`, title }, formatDifference(bytes));
  return h('tr', { class: kind }, head, ...cells, difference);
}

/** Both runs' bars of a category, one above the other; the cells above say the same. */
function barsRow({ bytes }: PairRow, { rowScale, runs }: PairModel): HTMLElement {
  const bars = sides.map(side => {
    const bar = h('i', { 'data-colour': runs[side].colour });
    bar.style.width = `${(bytes[side] / rowScale) * 100}%`;
    return bar;
  });
  return h('tr', { class: 'pair-bars', 'aria-hidden': 'true' }, h('td', { colspan: 4 }, ...bars));
}
