import type { Disposable } from '../../../src/common/lifecycle';
import { Tip } from '../charts/tip';
import { createGate, fill, h, setText } from '../dom';
import { formatMetric } from '../model/format';
import type { HeatColour } from '../model/heat';
import { formatCell, shareOf, shortModule, type Cell, type Frame } from '../model/importance';

export interface HeatmapModel {
  readonly frame: Frame;
  readonly extent: { readonly min: number; readonly max: number };
  readonly exponent: number;
  readonly selected?: Cell;
  readonly colour: (share: number) => HeatColour;
  readonly name: string;
}

/**
 * Modules down, blocks across: a grid of buttons-like cells. One cell is in the tab order, arrows move between cells,
 * focus or a click selects. Cells are kept between steps and only repainted.
 */
export class Heatmap implements Disposable {
  readonly element = h('div', { class: 'heatmap', role: 'grid' });
  private readonly tip = new Tip();
  private readonly frameElement = h('div', { class: 'heatmap-frame' }, this.element, this.tip.element);
  private readonly reshaped = createGate();
  private cells: HTMLElement[][] = [];
  private model?: HeatmapModel;

  constructor(private readonly onSelect: (cell: Cell) => void) {
    this.element.addEventListener('keydown', event => this.move(event));
    this.element.addEventListener('pointerover', event => this.point(event.target));
    this.element.addEventListener('pointerleave', () => this.tip.hide());
    this.element.addEventListener('focusin', event => this.focus(event.target));
    this.element.addEventListener('focusout', () => this.tip.hide());
  }

  /** The scrolling frame to put on the page. */
  get frame(): HTMLElement {
    return this.frameElement;
  }

  draw(model: HeatmapModel): void {
    this.model = model;
    const { modules, blocks } = model.frame.table;
    if (this.reshaped(modules.join('\n'), blocks.join(' '))) this.build();
    this.element.setAttribute('aria-label', model.name);
    this.cells.forEach((row, r) => row.forEach((cell, c) => this.paint(cell, r, c)));
  }

  dispose(): void {
    this.frameElement.remove();
  }

  private build(): void {
    const { modules, blocks } = this.model?.frame.table ?? { modules: [], blocks: [] };
    this.element.style.setProperty('--columns', String(blocks.length));
    this.cells = modules.map((_, r) => blocks.map((_block, c) => this.createCell(r, c)));
    const rows = modules.map((module, r) => {
      const header = h('div', { role: 'rowheader', class: 'heat-row', title: module }, shortModule(module));
      return h('div', { role: 'row' }, header, ...this.cells[r]);
    });
    const headers = blocks.map(block =>
      h('div', { role: 'columnheader', class: 'heat-column' }, h('span', {}, String(block))),
    );
    const corner = h('div', { role: 'columnheader', class: 'heat-row heat-corner' }, 'block');
    fill(this.element, ...rows, h('div', { role: 'row' }, corner, ...headers));
  }

  private createCell(row: number, column: number): HTMLElement {
    const attributes = { role: 'gridcell', class: 'heat-cell', tabindex: -1, 'data-row': row, 'data-column': column };
    const cell = h('div', attributes, h('span', {}));
    cell.addEventListener('click', () => cell.focus());
    return cell;
  }

  private paint(cell: HTMLElement, row: number, column: number): void {
    if (this.model === undefined) return;
    const { frame, extent, exponent, selected, colour } = this.model;
    const { modules, blocks, values } = frame.table;
    const value = values[row]?.[column] ?? null;
    const isSelected = selected?.module === modules[row] && selected.block === blocks[column];
    const label = cell.firstElementChild;
    cell.classList.toggle('vacant', value === null);
    cell.setAttribute('aria-selected', String(isSelected));
    cell.tabIndex = isSelected || (selected === undefined && row === 0 && column === 0) ? 0 : -1;
    const text = value === null ? 'no adapter' : formatMetric(value);
    cell.setAttribute('aria-label', `${modules[row]}, block ${blocks[column]}: ${text}`);
    if (label) setText(label, value === null ? '' : formatCell(value, exponent));
    const { background, ink } = value === null ? { background: '', ink: '' } : colour(shareOf(value, extent));
    cell.style.background = background;
    cell.style.color = ink;
  }

  private position(target: EventTarget | null): { row: number; column: number; cell: HTMLElement } | undefined {
    const cell = target instanceof Element ? target.closest<HTMLElement>('.heat-cell') : null;
    return cell === null ? undefined : { row: Number(cell.dataset.row), column: Number(cell.dataset.column), cell };
  }

  private move(event: KeyboardEvent): void {
    const at = this.position(event.target);
    if (at === undefined) return;
    const lastRow = this.cells.length - 1;
    const lastColumn = (this.cells[0]?.length ?? 1) - 1;
    const moves: Readonly<Record<string, readonly [number, number]>> = {
      ArrowLeft: [at.row, at.column - 1],
      ArrowRight: [at.row, at.column + 1],
      ArrowUp: [at.row - 1, at.column],
      ArrowDown: [at.row + 1, at.column],
      Home: [event.ctrlKey ? 0 : at.row, 0],
      End: [event.ctrlKey ? lastRow : at.row, lastColumn],
    };
    const target = moves[event.key];
    if (target === undefined) return;
    event.preventDefault();
    this.cells[clamp(target[0], lastRow)]?.[clamp(target[1], lastColumn)]?.focus();
  }

  private focus(target: EventTarget | null): void {
    const at = this.position(target);
    const table = this.model?.frame.table;
    if (at === undefined || table === undefined) return;
    this.onSelect({ module: table.modules[at.row], block: table.blocks[at.column] });
    this.point(target);
  }

  private point(target: EventTarget | null): void {
    const at = this.position(target);
    if (at === undefined || this.model === undefined) {
      this.tip.hide();
      return;
    }
    const { table, step } = this.model.frame;
    const value = table.values[at.row]?.[at.column] ?? null;
    const outer = this.frameElement.getBoundingClientRect();
    const box = at.cell.getBoundingClientRect();
    const title = `${table.modules[at.row]} · block ${table.blocks[at.column]}`;
    const text = value === null ? 'no adapter' : formatMetric(value);
    this.tip.show(
      { title, rows: [{ label: `step ${step}`, text }] },
      box.left - outer.left + box.width - 8,
      box.top - outer.top + box.height / 2,
      { width: outer.width, height: outer.height },
    );
  }
}

function clamp(value: number, last: number): number {
  return Math.min(last, Math.max(0, value));
}
