import { fill, h, setStyle } from '../dom';
import type { TableModel } from '../model/table';

export interface TipRow {
  readonly label: string;
  readonly text: string;
  /** CSS colour of the swatch; none without it. */
  readonly colour?: string;
}

export interface TipContent {
  readonly title: string;
  readonly rows: readonly TipRow[];
  /** Below the rows, without its caption. */
  readonly table?: TableModel;
}

const gap = 12;

/** A floating box with the values under the pointer. It follows the mouse, so it is hidden from screen readers. */
export class Tip {
  readonly element = h('div', { class: 'tip', 'aria-hidden': 'true', hidden: true });

  /** `x`, `y` and the size to stay inside of, in pixels of the positioned parent. */
  show(content: TipContent, x: number, y: number, bounds: { width: number; height: number }): void {
    const { title, rows, table } = content;
    fill(this.element, h('div', { class: 'tip-title' }, title), ...rows.map(row), table && grid(table));
    this.element.hidden = false;
    const { offsetWidth, offsetHeight } = this.element;
    const left = x + gap + offsetWidth > bounds.width ? Math.max(0, x - gap - offsetWidth) : x + gap;
    const top = Math.max(0, Math.min(y - offsetHeight / 2, bounds.height - offsetHeight));
    setStyle(this.element, 'transform', `translate(${Math.round(left)}px, ${Math.round(top)}px)`);
  }

  hide(): void {
    this.element.hidden = true;
  }
}

function row({ label, text, colour }: TipRow): HTMLElement {
  const swatch = h('i', { class: 'swatch' });
  if (colour !== undefined) swatch.style.background = colour;
  return h('div', { class: 'tip-row' }, colour !== undefined && swatch, h('span', {}, label), h('b', {}, text));
}

function grid({ columns, rows }: TableModel): HTMLElement {
  const kind = (column: number): string | undefined => (columns[column].numeric ? 'numeric' : undefined);
  const head = h('tr', {}, ...columns.map(({ label }, i) => h('th', { class: kind(i) }, label)));
  const body = rows.map(cells => h('tr', {}, ...cells.map((cell, i) => h('td', { class: kind(i) }, cell))));
  return h('table', { class: 'tip-table' }, head, ...body);
}
