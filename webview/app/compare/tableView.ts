import type { ComparedGroup, ComparedVariant } from '../../../src/common/comparison/groups';
import { fill, h, icon } from '../dom';
import { iconButton } from '../toolkit';
import { Card } from '../views/card';
import { columnsFor, comparisonCsv, sortGroups, type Column } from './columns';
import { looksOf, type Look } from './look';
import type { CompareState } from './store';
import type { CompareContext, CompareView } from './view';

/** All numbers, a row for each variant; a click on a heading sorts, one on a seed opens its run. */
export function createTableView({ actions, setPreferences }: CompareContext): CompareView {
  let state: CompareState | undefined;
  const csv = (): void => {
    if (state?.snapshot) actions.saveTable('table', comparisonCsv(state.snapshot.definition.name, state.groups));
  };
  const card = new Card({
    id: 'results',
    title: 'Results',
    exports: [iconButton({ label: 'Save as CSV…', icon: 'save-as', onClick: csv })],
  });
  const head = h('thead', {});
  const body = h('tbody', {});
  const region = { class: 'table-scroll', role: 'region', tabindex: 0, 'aria-label': 'Results of each variant' };
  card.body.append(h('div', region, h('table', { class: 'data comparison-table' }, head, body)));
  const sortBy = ({ id, numeric }: Column): void => {
    const { column, descending } = state?.preferences.sort ?? { column: id, descending: numeric };
    setPreferences({ sort: { column: id, descending: column === id ? !descending : false } });
  };
  return {
    element: card.element,
    update: next => {
      state = next;
      const { groups, preferences } = next;
      const { sort } = preferences;
      const columns = columnsFor(groups);
      const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.key : undefined;
      fill(head, h('tr', {}, ...columns.map(column => heading(column, next, () => sortBy(column)))));
      const looks = new Map(looksOf(groups).map((look, i) => [groups[i].id, look]));
      const best = bestOf(groups);
      const rows = sortGroups(groups, sort.column, sort.descending).map(group =>
        row(group, columns, { look: looks.get(group.id), isBest: group === best, actions }),
      );
      fill(body, ...rows);
      if (focused) card.element.querySelector<HTMLElement>(`[data-key="${CSS.escape(focused)}"]`)?.focus();
      card.setSubtitle(groups.length === 1 ? '1 variant' : `${groups.length} variants`);
    },
    dispose: () => card.element.remove(),
  };
}

function heading(column: Column, { preferences }: CompareState, onClick: () => void): HTMLElement {
  const { id, label, hint, numeric } = column;
  const { sort } = preferences;
  const isSorted = sort.column === id;
  const order = sort.descending ? 'descending' : 'ascending';
  const button = h(
    'button',
    { type: 'button', title: hint, 'data-key': `head-${id}` },
    label,
    isSorted && icon(sort.descending ? 'arrow-down' : 'arrow-up'),
  );
  button.addEventListener('click', onClick);
  return h(
    'th',
    { scope: 'col', class: numeric ? 'numeric' : undefined, 'aria-sort': isSorted ? order : undefined },
    button,
  );
}

interface RowParts {
  readonly look?: Look;
  readonly isBest: boolean;
  readonly actions: CompareContext['actions'];
}

function row(group: ComparedGroup, columns: readonly Column[], { look, isBest, actions }: RowParts): HTMLElement {
  const cells = columns.map(column => {
    const attributes = { class: column.numeric ? 'numeric' : undefined };
    if (column.id === 'label') {
      const mark = h('i', { class: `point point-${look?.shape ?? 'circle'}`, 'data-colour': look?.colour });
      return h('th', { scope: 'row' }, mark, group.label);
    }
    if (column.id === 'seeds')
      return h('td', attributes, ...group.variants.map(variant => seedButton(variant, actions)));
    const text = column.text(group);
    return h('td', attributes, column.id === 'evalLoss' && isBest ? h('strong', {}, text) : text);
  });
  return h('tr', { class: group.isProvisional ? 'provisional' : undefined }, ...cells);
}

/** Opens the run of a seed, or its config where there is none. */
function seedButton({ seed, run, config, isQueued }: ComparedVariant, actions: CompareContext['actions']): HTMLElement {
  const state = run?.state ?? (isQueued ? 'queued' : 'not run');
  const title = run ? `Seed ${seed}: ${state}. Open its dashboard` : `Seed ${seed}: ${state}. Open its config`;
  const button = h(
    'button',
    { type: 'button', class: 'seed', title, 'data-key': config, 'data-state': state },
    String(seed),
  );
  button.addEventListener('click', () => (run ? actions.openRun(run.id) : actions.openConfig(config)));
  return button;
}

function bestOf(groups: readonly ComparedGroup[]): ComparedGroup | undefined {
  return sortGroups(groups, 'evalLoss', false).find(group => group.evalLoss !== undefined);
}
