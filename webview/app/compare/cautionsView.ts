import { fill, h, icon } from '../dom';
import { Card } from '../views/card';
import type { CompareView } from './view';

/** What to keep in mind before anything is concluded; absent while there is nothing to conclude from. */
export function createCautionsView(): CompareView {
  const card = new Card({ id: 'cautions', title: 'Before you conclude' });
  const list = h('ul', { class: 'cautions' });
  card.body.append(list);
  return {
    element: card.element,
    update: ({ cautions, groups }) => {
      const hasResults = groups.some(group => group.evalLoss !== undefined);
      card.setEmpty(
        hasResults
          ? cautions.length === 0
            ? 'None of the known reasons to doubt this order applies.'
            : undefined
          : 'Comes with the first results.',
      );
      const items = [...cautions].sort((a, b) => Number(a.severity === 'info') - Number(b.severity === 'info'));
      fill(
        list,
        ...items.map(({ id, severity, message }) =>
          h(
            'li',
            { 'data-tone': severity },
            icon(severity === 'warning' ? 'warning' : 'info'),
            h('span', {}, message, ' ', h('small', {}, id)),
          ),
        ),
      );
      const count = items.filter(item => item.severity === 'warning').length;
      card.setSubtitle(count === 0 ? '' : count === 1 ? '1 warning' : `${count} warnings`);
    },
    dispose: () => card.element.remove(),
  };
}
