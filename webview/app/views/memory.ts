import type { RunView } from '../../../src/common/run/view';
import { createGate, fill, h } from '../dom';
import { absent, formatBytes, formatExactBytes } from '../model/format';
import { isOnGpu, memoryModel, memorySubtitle, memorySummary, memoryTable, type MemoryModel } from '../model/memory';
import { waitingMessage } from '../model/messages';
import { iconButton } from '../toolkit';
import { Card } from './card';
import type { View, ViewContext } from './view';

type Side = 'forecast' | 'measured';

/** Forecast beside measured GPU memory: two stacked bars, the budget, and the bytes of each category. */
export function createMemoryView({ actions }: ViewContext): View {
  let shown: RunView | undefined;
  const changed = createGate();
  const csv = (): void => {
    const model = shown && memoryModel(shown);
    if (model) actions.saveTable('memory', memoryTable(model));
  };
  const exports = [iconButton({ label: 'Save as CSV…', icon: 'save-as', onClick: csv })];
  const card = new Card({ id: 'memory', title: 'Memory', exports });
  return {
    element: card.element,
    update: ({ run }) => {
      shown = run;
      if (!changed(run.manifest.id, run.memory, run.state)) return;
      const model = memoryModel(run);
      card.setEmpty(model ? undefined : waitingMessage(run, 'step'));
      if (model === undefined) return;
      card.setSubtitle(memorySubtitle(model));
      card.setSummary(memorySummary(model));
      fill(card.body, bars(model), table(model));
    },
    dispose: () => undefined,
  };
}

function bars(model: MemoryModel): HTMLElement {
  const { budget, budgetOnScale, scale } = model;
  const line = h('div', { class: 'budget-line' }, h('span', {}, `budget ${formatBytes(budget ?? 0)}`));
  if (budget !== undefined) line.style.left = `${(budget / scale) * 100}%`;
  return h(
    'div',
    { class: budgetOnScale ? 'bars has-budget' : 'bars' },
    h('div', { class: 'bar-labels', 'aria-hidden': 'true' }, h('span', {}, 'forecast'), h('span', {}, 'measured')),
    h('div', { class: 'bar-area' }, bar(model, 'forecast'), bar(model, 'measured'), budgetOnScale && line),
  );
}

function bar(model: MemoryModel, side: Side): HTMLElement {
  const segments = model.rows
    .filter(row => isOnGpu(row.category) && row[side] > 0)
    .map(row => {
      const title = `${row.label}: ${formatBytes(row[side])}`;
      const segment = h('i', { class: 'segment', 'data-category': row.category, title });
      segment.style.width = `${(row[side] / model.scale) * 100}%`;
      return segment;
    });
  const label = `${side}: ${formatBytes(model.total[side])}`;
  return h('div', { class: 'bar', role: 'img', 'aria-label': label }, ...segments);
}

function table(model: MemoryModel): HTMLElement {
  const rows = model.rows.map(row =>
    h(
      'tr',
      { class: isOnGpu(row.category) ? undefined : 'off-gpu' },
      h('th', { scope: 'row' }, h('i', { class: 'swatch', 'data-category': row.category }), row.label),
      bytesCell(row.forecast),
      bytesCell(row.measured, row.measured !== row.forecast),
    ),
  );
  const { forecast, measured } = model.total;
  return h(
    'table',
    { class: 'data memory-table' },
    h('caption', { class: 'visually-hidden' }, 'GPU memory by category'),
    h('thead', {}, h('tr', {}, h('td', {}), columnHead('forecast'), columnHead('measured'))),
    h('tbody', {}, ...rows),
    h(
      'tfoot',
      {},
      h(
        'tr',
        {},
        h('th', { scope: 'row' }, 'GPU total'),
        bytesCell(forecast),
        bytesCell(measured, measured !== forecast),
      ),
    ),
  );
}

function columnHead(text: string): HTMLElement {
  return h('th', { scope: 'col', class: 'numeric' }, text);
}

function bytesCell(bytes: number, differs = false): HTMLElement {
  const title = differs ? `${formatExactBytes(bytes)}, not as forecast` : formatExactBytes(bytes);
  return h('td', { class: differs ? 'numeric differs' : 'numeric', title }, bytes === 0 ? absent : formatBytes(bytes));
}
