import type { MemoryBytes, MemoryCategory } from '../../../src/common/run/events';
import type { Estimate } from '../../../src/common/estimate/outcome';
import type { Trouble } from '../../../src/common/estimate/protocol';
import { createGate, fill, h, icon } from '../dom';
import { formatBytes } from '../model/format';
import { categoryLabel, isOnGpu } from '../model/memory';
import { iconButton } from '../toolkit';
import { Card } from '../views/card';
import { coded } from './coded';
import { barsModel, barsTable, deltaText, factsOf, statusText, type BarRow, type BarsModel } from './model';
import type { EstimateContext, EstimateView, NumbersState } from './view';

/** Stacked bars on one scale: GPU memory at peak, below it what waits outside, and the budget across both. */
export function createBarsView({ actions, edits }: EstimateContext): EstimateView {
  let model: BarsModel | undefined;
  let isTable = false;
  const csv = (): void => {
    if (model) actions.saveTable(barsTable(model));
  };
  const card = new Card({
    id: 'estimates',
    title: 'Memory at peak',
    exports: [iconButton({ label: 'Save as CSV…', icon: 'save-as', onClick: csv })],
    onTable: shown => edits.setTable(shown),
  });
  const list = h('ol', { class: 'estimates' });
  const legend = h('ul', { class: 'estimate-legend' });
  card.body.append(list, legend);
  const changed = createGate();
  return {
    element: card.element,
    update: ({ numbers, changes, answered, table }: NumbersState) => {
      if (!changed(numbers, JSON.stringify(changes), answered, table)) return;
      model = barsModel(numbers, changes, answered);
      const { rows } = model;
      fill(list, ...rows.map(row => barRow(row, model?.scale ?? 1, { actions, edits })));
      fill(legend, ...model.categories.map(legendItem));
      card.setSubtitle(rows.length === 1 ? 'the config' : `${rows.length} ways to run`);
      card.setSummary(statusText(numbers));
      if (table || isTable) card.setTable(table, () => barsTable(barsModel(numbers, changes, answered)));
      isTable = table;
    },
    dispose: () => card.element.remove(),
  };
}

function barRow(row: BarRow, scale: number, { actions, edits }: EstimateContext): HTMLElement {
  const { title, changes, outcome, delta, time, verdict, scenario } = row;
  const { estimate, budget, troubles } = outcome;
  const tools =
    scenario === undefined
      ? []
      : [
          iconButton({ label: `Use ${title}`, icon: 'reply', onClick: () => edits.useScenario(scenario) }),
          iconButton({ label: `Remove ${title}`, icon: 'close', onClick: () => edits.removeScenario(scenario) }),
        ];
  return h(
    'li',
    { class: 'estimate' },
    h(
      'div',
      { class: 'estimate-head' },
      h('h3', {}, title),
      estimate && h('b', {}, formatBytes(estimate.total)),
      delta !== undefined && h('span', { class: 'delta' }, deltaText(delta)),
      time !== undefined && h('span', { class: 'delta' }, time),
      h('span', { class: 'pill', 'data-tone': verdict.tone }, verdict.text),
      h('span', { class: 'estimate-tools' }, ...tools),
    ),
    changes !== '' && h('p', { class: 'estimate-changes' }, changes),
    estimate && bars(row, estimate, { scale, budget }),
    estimate && h('p', { class: 'estimate-facts' }, factsOf(outcome).join(' · ')),
    troubles.length > 0 && troubleList(troubles, scenario === undefined ? actions.openConfig : undefined),
  );
}

interface Axis {
  readonly scale: number;
  readonly budget?: number;
}

function bars({ title, namesBudget }: BarRow, { bytes, host, disk }: Estimate, { scale, budget }: Axis): HTMLElement {
  const line = h('div', { class: 'budget-line' }, namesBudget && h('span', {}, `budget ${formatBytes(budget ?? 0)}`));
  const isDrawn = budget !== undefined && budget <= scale;
  if (isDrawn) line.style.left = `${(budget / scale) * 100}%`;
  const parts = Object.keys(bytes) as MemoryCategory[];
  const bar = (name: string, shown: readonly MemoryCategory[]) =>
    h(
      'div',
      { class: 'bar', role: 'img', 'aria-label': barLabel(`${title}, ${name}`, bytes, shown) },
      ...segments(bytes, shown, scale),
    );
  return h(
    'div',
    { class: isDrawn && namesBudget ? 'bar-area has-budget' : 'bar-area' },
    bar('GPU', parts.filter(isOnGpu)),
    host + disk > 0 &&
      bar(
        'host and disk',
        parts.filter(part => !isOnGpu(part)),
      ),
    isDrawn && line,
  );
}

function segments(bytes: MemoryBytes, shown: readonly MemoryCategory[], scale: number): HTMLElement[] {
  return shown
    .filter(category => (bytes[category] ?? 0) > 0)
    .map(category => {
      const size = bytes[category] ?? 0;
      const title = `${categoryLabel(category)}: ${formatBytes(size)}`;
      const segment = h('i', { class: 'segment', 'data-category': category, title });
      segment.style.width = `${(size / scale) * 100}%`;
      return segment;
    });
}

function barLabel(name: string, bytes: MemoryBytes, shown: readonly MemoryCategory[]): string {
  const parts = shown
    .filter(one => (bytes[one] ?? 0) > 0)
    .map(one => `${categoryLabel(one)} ${formatBytes(bytes[one] ?? 0)}`);
  return `${name}: ${parts.join(', ')}`;
}

function legendItem(category: MemoryCategory): HTMLElement {
  return h('li', {}, h('i', { class: 'swatch segment', 'data-category': category }), categoryLabel(category));
}

/** What is wrong with a config, each with a way to its line where there is one. */
export function troubleList(troubles: readonly Trouble[], open?: (line?: number) => void): HTMLElement {
  const items = troubles.map(({ message, hint, line, code }) => {
    const text = h('span', {}, ...coded(`${message} ${hint} `), h('small', {}, code));
    if (line === undefined || open === undefined) return h('li', { 'data-tone': 'error' }, icon('error'), text);
    const link = h('button', { type: 'button', class: 'link' }, `line ${line}`);
    link.addEventListener('click', () => open(line));
    return h('li', { 'data-tone': 'error' }, icon('error'), text, link);
  });
  return h('ul', { class: 'troubles' }, ...items);
}
