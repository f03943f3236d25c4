import { createGate, fill, h } from '../dom';
import { factsOf } from '../model/facts';
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
      const items = factsOf(run, Date.now()).flatMap(({ label, value, note }) => [
        h('dt', {}, label),
        h('dd', {}, h('span', {}, value), note !== undefined && h('small', {}, note)),
      ]);
      fill(list, ...items);
    },
    dispose: () => undefined,
  };
}
