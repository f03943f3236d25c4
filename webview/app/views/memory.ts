import { createGate, fill, h } from '../dom';
import { absent, formatBytes, formatExactBytes } from '../model/format';
import {
  memoryModel,
  memorySubtitle,
  memorySummary,
  memoryTable,
  type MemoryGroup,
  type MemoryModel,
  type MemoryRow,
  type Sides,
} from '../model/memory';
import { pairModel, pairSummary, pairTable, type PairModel } from '../model/memoryPair';
import { waitingMessage } from '../model/messages';
import { runLabels } from '../model/overlays';
import { transferModel, type TransferModel } from '../model/transfers';
import { iconButton } from '../toolkit';
import { Card } from './card';
import { Chooser } from './controls';
import { factItems } from './facts';
import { stackedBars } from './memoryBars';
import { memoryPair } from './memoryPair';
import type { RunState, View, ViewContext } from './view';

const sides = ['forecast', 'measured'] as const;

/** A run's memory beside its forecast, or beside that of another run on show; then what offloading moves. */
export function createMemoryView(context: ViewContext): View {
  return new MemoryView(context);
}

class MemoryView implements View {
  readonly element: HTMLElement;
  private readonly card: Card;
  private readonly beside: Chooser;
  private readonly changed = createGate();
  private state?: RunState;
  /** Id of the run to compare with, '' for the forecast; undefined: the first one that can be. */
  private chosen?: string;

  constructor({ actions }: ViewContext) {
    this.beside = new Chooser('Compare memory with', value => {
      this.chosen = value;
      this.draw();
    });
    const csv = (): void => {
      const pair = this.pair();
      const model = this.state && memoryModel(this.state.run);
      if (model) actions.saveTable('memory', pair ? pairTable(pair) : memoryTable(model));
    };
    this.card = new Card({
      id: 'memory',
      title: 'Memory',
      tools: [this.beside.element],
      exports: [iconButton({ label: 'Save as CSV…', icon: 'save-as', onClick: csv })],
    });
    this.element = this.card.element;
  }

  update(state: RunState): void {
    const { runs, colours } = state;
    this.state = state;
    const reports = runs.flatMap(run => [run.manifest.id, run.memory, run.transfers]);
    if (this.changed(state.run.state, colours, ...reports)) this.draw();
  }

  dispose(): void {
    this.element.remove();
  }

  private draw(): void {
    const { state } = this;
    if (state === undefined) return;
    const model = memoryModel(state.run);
    this.card.setEmpty(model ? undefined : waitingMessage(state.run, 'step'));
    if (model === undefined) return;
    this.offer(state);
    const pair = this.pair();
    const transfers = transferModel(state.run);
    this.card.setSubtitle(memorySubtitle(model));
    this.card.setSummary(pair ? pairSummary(pair) : memorySummary(model));
    const picture = pair ? [...memoryPair(pair), h('p', { class: 'card-note' }, pairSummary(pair))] : single(model);
    fill(this.card.body, ...picture, ...(transfers ? transferFacts(transfers) : []));
  }

  private offer({ runs }: RunState): void {
    const labels = runLabels(runs);
    const others = runs.flatMap((run, i) =>
      i > 0 && run.memory ? [{ value: run.manifest.id, label: labels[i] }] : [],
    );
    this.beside.element.hidden = others.length === 0;
    const known = this.chosen === '' || others.some(({ value }) => value === this.chosen);
    if (!known) this.chosen = undefined;
    this.beside.set([{ value: '', label: 'forecast' }, ...others], this.chosen ?? others.at(0)?.value ?? '');
  }

  private pair(): PairModel | undefined {
    if (this.state === undefined) return undefined;
    const { runs, colours } = this.state;
    const at = runs.findIndex((run, i) => i > 0 && run.manifest.id === this.beside.value);
    if (at < 0) return undefined;
    const labels = runLabels(runs);
    const [first, second] = [0, at].map(i => ({ run: runs[i], label: labels[i], colour: colours[i] }));
    return pairModel(first, second);
  }
}

function single(model: MemoryModel): HTMLElement[] {
  const groups = model.groups.map(({ place, label, rows, total }) => ({
    label,
    budget: place === 'gpu' && model.budgetOnScale ? model.budget : undefined,
    bars: sides.map(side => ({
      label: side,
      name: `${label}, ${side}`,
      total: total[side],
      segments: rows.map(row => ({ category: row.category, label: row.label, bytes: row[side] })),
    })),
  }));
  return [...stackedBars(groups, model.scale), table(model)];
}

function table({ groups }: MemoryModel): HTMLElement {
  return h(
    'table',
    { class: 'data memory-table' },
    h('caption', { class: 'visually-hidden' }, 'Memory by place and category'),
    h('thead', {}, h('tr', {}, h('td', {}), ...sides.map(columnHead))),
    ...groups.map(groupBody),
  );
}

/** A group of one category is its own total. */
function groupBody({ place, label, rows, total }: MemoryGroup): HTMLElement {
  if (place !== 'gpu' && rows.length === 1) {
    const [{ category, label: what }] = rows;
    const swatch = h('i', { class: 'swatch', 'data-category': category });
    const name = h('th', { scope: 'row', title: what }, swatch, `${label} total`);
    return h('tbody', {}, valuesRow(name, total, 'total'));
  }
  const last = valuesRow(h('th', { scope: 'row' }, `${label} total`), total, 'total');
  return h('tbody', {}, ...rows.map(categoryRow), last);
}

function categoryRow(row: MemoryRow): HTMLElement {
  return valuesRow(
    h('th', { scope: 'row' }, h('i', { class: 'swatch', 'data-category': row.category }), row.label),
    row,
  );
}

function valuesRow(head: HTMLElement, { forecast, measured }: Sides, kind?: string): HTMLElement {
  return h('tr', { class: kind }, head, bytesCell(forecast), bytesCell(measured, measured !== forecast));
}

function columnHead(text: string): HTMLElement {
  return h('th', { scope: 'col', class: 'numeric' }, text);
}

function bytesCell(bytes: number, differs = false): HTMLElement {
  const title = differs ? `${formatExactBytes(bytes)}, not as forecast` : formatExactBytes(bytes);
  return h('td', { class: differs ? 'numeric differs' : 'numeric', title }, bytes === 0 ? absent : formatBytes(bytes));
}

function transferFacts({ facts, notice }: TransferModel): HTMLElement[] {
  const list = h('dl', { class: 'fact-list transfer-facts' }, ...factItems(facts));
  return notice === undefined ? [list] : [list, h('p', { class: 'card-note notable' }, notice)];
}
