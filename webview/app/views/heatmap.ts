import type { Disposable } from '../../../src/common/lifecycle';
import { Tip, type TipContent } from '../charts/tip';
import { createGate, fill, h, setText } from '../dom';
import { cellLook, firstCell, type MapModel } from '../model/cells';
import { shortModule, type Cell } from '../model/importance';
import { gridKey, type Position } from './gridKeys';

export interface HeatmapHandlers {
  readonly onSelect: (cell: Cell) => void;
  /** What floats beside a cell under the pointer or the focus. */
  readonly describe: (map: MapModel, cell: Cell) => TipContent;
}

/**
 * Modules down, blocks across: a grid of buttons-like cells. One cell is in the tab order, arrows move between cells,
 * focus or a click selects. Cells are kept between steps and only repainted.
 */
export class Heatmap implements Disposable {
  /** The frame to put on the page: a caption and the grid. */
  readonly element: HTMLElement;
  private readonly grid = h('div', { class: 'heatmap', role: 'grid' });
  private readonly caption = h('div', { class: 'heat-caption' });
  private readonly tip = new Tip();
  private readonly reshaped = createGate();
  private cells: HTMLElement[][] = [];
  private map?: MapModel;

  constructor(private readonly handlers: HeatmapHandlers) {
    this.element = h('div', { class: 'heatmap-frame' }, this.caption, this.grid, this.tip.element);
    this.grid.addEventListener('keydown', event => this.move(event));
    this.grid.addEventListener('pointerover', event => this.point(event.target));
    this.grid.addEventListener('pointerleave', () => this.tip.hide());
    this.grid.addEventListener('focusin', event => this.focus(event.target));
    this.grid.addEventListener('focusout', () => this.tip.hide());
  }

  /** Shows a map; `caption` stands above it if there is one. */
  draw(map: MapModel, selected: Cell | undefined, caption?: string): void {
    this.map = map;
    const { modules, blocks } = map.frame.table;
    if (this.reshaped(modules.join('\n'), blocks.join(' '))) this.build(map);
    this.grid.setAttribute('aria-label', map.name);
    this.caption.hidden = caption === undefined;
    setText(this.caption, caption ?? '');
    this.grid.classList.toggle('fated', map.fates !== undefined);
    const entry = selected ?? firstCell(map.frame);
    this.cells.forEach((row, r) =>
      row.forEach((cell, c) => {
        const isEntry = entry?.module === modules[r] && entry.block === blocks[c];
        paint(cell, map, { row: r, column: c });
        cell.tabIndex = isEntry ? 0 : -1;
        cell.setAttribute('aria-selected', String(isEntry && selected !== undefined));
      }),
    );
  }

  dispose(): void {
    this.element.remove();
  }

  private build({ frame }: MapModel): void {
    const { modules, blocks } = frame.table;
    this.grid.style.setProperty('--columns', String(blocks.length));
    this.cells = modules.map((_, r) => blocks.map((_block, c) => createCell(r, c)));
    const rows = modules.map((module, r) => {
      const header = h('div', { role: 'rowheader', class: 'heat-row', title: module }, shortModule(module));
      return h('div', { role: 'row' }, header, ...this.cells[r]);
    });
    const headers = blocks.map(block =>
      h('div', { role: 'columnheader', class: 'heat-column' }, h('span', {}, String(block))),
    );
    const corner = h('div', { role: 'columnheader', class: 'heat-row heat-corner' }, 'block');
    fill(this.grid, ...rows, h('div', { role: 'row' }, corner, ...headers));
  }

  private cellAt(target: EventTarget | null): { cell: Cell; element: HTMLElement; at: Position } | undefined {
    const element = target instanceof Element ? target.closest<HTMLElement>('.heat-cell') : null;
    if (element === null || this.map === undefined) return undefined;
    const at = { row: Number(element.dataset.row), column: Number(element.dataset.column) };
    const { modules, blocks } = this.map.frame.table;
    return { cell: { module: modules[at.row], block: blocks[at.column] }, element, at };
  }

  private move(event: KeyboardEvent): void {
    const found = this.cellAt(event.target);
    if (found === undefined) return;
    const size = { row: this.cells.length, column: this.cells[0]?.length ?? 0 };
    const target = gridKey(event, found.at, size);
    if (target === undefined) return;
    event.preventDefault();
    this.cells[target.row]?.[target.column]?.focus();
  }

  private focus(target: EventTarget | null): void {
    const found = this.cellAt(target);
    if (found === undefined) return;
    this.handlers.onSelect(found.cell);
    this.point(target);
  }

  private point(target: EventTarget | null): void {
    const found = this.cellAt(target);
    if (found === undefined || this.map === undefined) {
      this.tip.hide();
      return;
    }
    const box = found.element.getBoundingClientRect();
    const outer = this.element.getBoundingClientRect();
    const [x, y] = [box.right - outer.left - 8, box.top - outer.top + box.height / 2];
    this.tip.show(this.handlers.describe(this.map, found.cell), x, y, outer);
  }
}

function createCell(row: number, column: number): HTMLElement {
  const attributes = { role: 'gridcell', class: 'heat-cell', tabindex: -1, 'data-row': row, 'data-column': column };
  const cell = h('div', attributes, h('span', {}));
  cell.addEventListener('click', () => cell.focus());
  return cell;
}

function paint(cell: HTMLElement, map: MapModel, { row, column }: Position): void {
  const look = cellLook(map, row, column);
  cell.classList.toggle('vacant', look.value === null);
  cell.classList.toggle('dropped', look.fate === 'dropped');
  cell.classList.toggle('returned', look.fate === 'returned');
  cell.setAttribute('aria-label', look.label);
  const label = cell.firstElementChild;
  if (label) setText(label, look.text);
  cell.style.background = look.background ?? '';
  cell.style.color = look.ink ?? '';
}
