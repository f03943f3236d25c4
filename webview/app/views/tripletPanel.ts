import { createGate, fill, h, setText } from '../dom';
import type { Cell } from '../model/importance';
import { pruningText, tripletTable, type Ranking } from '../model/triplets';
import { dataTable } from './dataTable';

/** Why the triplets of the selected cell were kept or pruned: a sentence, and a table sorted by place. */
export class TripletPanel {
  readonly element: HTMLElement;
  private readonly text = h('p', { class: 'curve-title' });
  private readonly table = h('div', {});
  private readonly changed = createGate();

  constructor() {
    this.element = h('div', { class: 'heat-why' }, this.text, this.table);
  }

  /** Hidden for a method without triplets, and for a cell that has none. */
  draw(ranking: Ranking | undefined, cell: Cell): void {
    const has = ranking?.triplets.some(one => one.module === cell.module && one.block === cell.block) ?? false;
    this.element.hidden = !has;
    if (ranking === undefined || !has) return;
    const { step, kept, triplets } = ranking;
    if (!this.changed(step, kept, triplets.length, triplets[0].score, cell.module, cell.block)) return;
    setText(this.text, pruningText(ranking, cell));
    fill(this.table, dataTable(tripletTable(ranking, cell)));
    for (const row of this.table.querySelectorAll('tbody tr'))
      row.classList.toggle('pruned', row.lastElementChild?.textContent === 'pruned');
  }
}
