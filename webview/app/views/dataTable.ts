import { h } from '../dom';
import type { TableModel } from '../model/table';

/** A real table in a region that scrolls with the keyboard. */
export function dataTable(model: TableModel): HTMLElement {
  const kind = (column: number): string | undefined => (model.columns[column].numeric ? 'numeric' : undefined);
  const head = model.columns.map(({ label }, i) => h('th', { scope: 'col', class: kind(i) }, label));
  const body = model.rows.map(cells =>
    h('tr', {}, ...cells.map((cell, i) => h(i === 0 ? 'th' : 'td', { scope: i === 0 && 'row', class: kind(i) }, cell))),
  );
  return h(
    'div',
    { class: 'table-scroll', role: 'region', tabindex: 0, 'aria-label': model.caption },
    h(
      'table',
      { class: 'data' },
      h('caption', {}, model.caption),
      h('thead', {}, h('tr', {}, ...head)),
      h('tbody', {}, ...body),
    ),
  );
}
