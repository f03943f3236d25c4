import { createGate, fill, h } from '../dom';
import { factsOf, type Fact } from '../model/facts';
import { Card } from './card';
import type { View } from './view';

/** What the run is made of: model, data, batch, time, checkpoints, GPU. */
export function createFactsView(): View {
  const card = new Card({ id: 'facts', title: 'Run' });
  const list = h('dl', { class: 'fact-list' });
  const changed = createGate();
  card.body.append(list);
  return {
    element: card.element,
    update: ({ run }) => {
      if (!changed(run.manifest.id, run.seq)) return;
      fill(list, ...factItems(factsOf(run, Date.now())));
    },
    dispose: () => undefined,
  };
}

/** Terms and descriptions for a list of facts. */
export function factItems(facts: readonly Fact[]): HTMLElement[] {
  return facts.flatMap(({ label, value, note }) => [
    h('dt', {}, label),
    h('dd', {}, h('span', {}, value), note !== undefined && h('small', {}, note)),
  ]);
}
