import { createGate, fill, h } from '../dom';
import { drawFacts, drawsNote, drawTable } from '../model/draws';
import { waitingMessage } from '../model/messages';
import { Card } from './card';
import { dataTable } from './dataTable';
import type { View } from './view';

/** Few-shot prompting: how much the result depends on which examples are shown. Stands where others have `trained`. */
export function createDrawsView(trained: HTMLElement): View {
  const card = new Card({ id: 'draws', title: 'Draws' });
  const facts = h('dl', { class: 'facts draw-facts' });
  const table = h('div', {});
  const changed = createGate();
  card.body.append(facts, table);
  return {
    element: card.element,
    update: ({ run }) => {
      if (!changed(run.manifest.id, run.seq)) return;
      const isShown = run.manifest.config.method.type === 'few-shot';
      card.element.hidden = !isShown;
      trained.hidden = isShown;
      if (!isShown) return;
      const draws = run.draws ?? [];
      card.setEmpty(draws.length === 0 ? waitingMessage(run, 'draw') : undefined);
      card.setSubtitle(draws.length === 0 ? '' : drawsNote(run));
      fill(
        facts,
        ...drawFacts(draws).map(({ label, text }) => h('div', {}, h('dt', {}, label), h('dd', {}, h('b', {}, text)))),
      );
      fill(table, dataTable(drawTable(run)));
    },
    dispose: () => undefined,
  };
}
