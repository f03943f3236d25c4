import { createGate, fill, h, icon, setText } from '../dom';
import { button } from '../toolkit';
import { statusText } from './model';
import { mostScenarios } from './saved';
import type { EstimateContext, EstimateView } from './view';

/** What is planned, what the toggles make of it in a sentence, and what can be done with them. */
export function createHeaderView({ actions, edits }: EstimateContext): EstimateView {
  const title = h('h1', {});
  const status = h('p', { class: 'status', role: 'status' });
  const tools = h('div', { class: 'actions' });
  const failure = h('p', { class: 'failure', role: 'alert', hidden: true });
  const element = h(
    'header',
    { class: 'estimate-header' },
    h('div', { class: 'words' }, title, status),
    tools,
    failure,
  );
  const changed = createGate();
  return {
    element,
    update: state => {
      const { name, numbers, scenarios, changes } = state;
      setText(title, `${name} on ${numbers.model}`);
      setText(status, statusText(numbers));
      failure.hidden = state.failure === undefined;
      if (state.failure) fill(failure, icon('error'), ` ${state.failure.message} ${state.failure.hint}`);
      const disabled = Object.keys(changes).length === 0;
      const isFull = scenarios.length >= mostScenarios;
      if (!changed(disabled, isFull)) return;
      fill(
        tools,
        button({ label: 'Apply to Config', icon: 'check', primary: true, disabled, onClick: actions.apply }),
        button({ label: 'Add Scenario', icon: 'add', disabled: disabled || isFull, onClick: edits.addScenario }),
        button({ label: 'Reset', icon: 'discard', disabled, onClick: edits.reset }),
      );
    },
    dispose: () => element.remove(),
  };
}
