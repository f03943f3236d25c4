import { fill, h, setText } from '../dom';
import { progressRing, setPressed, iconButton } from '../toolkit';
import type { TableModel } from '../model/table';
import { dataTable } from './dataTable';

export interface CardOptions {
  readonly id: string;
  readonly title: string;
  /** Controls right of the title. */
  readonly tools?: readonly HTMLElement[];
  /** Controls that save what is shown, at the end of the toolbar. */
  readonly exports?: readonly HTMLElement[];
  /** Gives the card a table twin; called when the table is switched. */
  readonly onTable?: (shown: boolean) => void;
}

/** A titled section with a subtitle, a toolbar, a picture, its table twin and a state for when there is nothing yet. */
export class Card {
  readonly element: HTMLElement;
  /** Holds the picture. */
  readonly body = h('div', { class: 'card-body' });
  private readonly subtitle = h('span', { class: 'subtitle' });
  private readonly summary = h('p', { class: 'visually-hidden', 'aria-live': 'polite' });
  private readonly table = h('div', { class: 'card-table', hidden: true });
  private readonly empty = h('div', { class: 'card-empty', hidden: true });
  private readonly tools: HTMLElement;
  private readonly tableButton?: HTMLElement;
  private tableShown = false;
  private summaryDue = 0;

  constructor(options: CardOptions) {
    const headingId = `card-${options.id}`;
    this.tools = h('div', { class: 'tools', role: 'toolbar', 'aria-labelledby': headingId }, ...(options.tools ?? []));
    const { onTable } = options;
    if (onTable) {
      const label = `${options.title} as a table`;
      this.tableButton = iconButton({ label, icon: 'table', onClick: () => onTable(!this.tableShown) });
      this.tools.append(this.tableButton);
    }
    this.tools.append(...(options.exports ?? []));
    const heading = h('h2', { id: headingId }, options.title);
    this.element = h(
      'section',
      { class: `card card-${options.id}`, 'aria-labelledby': headingId },
      h('div', { class: 'card-head' }, heading, this.subtitle, this.tools),
      this.summary,
      this.body,
      this.table,
      this.empty,
    );
  }

  /** `hint` is what a tooltip says instead. */
  setSubtitle(text: string, hint = text): void {
    setText(this.subtitle, text);
    this.subtitle.title = hint;
  }

  /** The sentence that a screen reader hears; live changes are spoken at most every ten seconds. */
  setSummary(text: string): void {
    const now = Date.now();
    if (this.summary.textContent !== '' && now < this.summaryDue) return;
    setText(this.summary, text);
    this.summaryDue = now + 10_000;
  }

  /** Shows `message` instead of the content, with a progress ring while something is coming; undefined shows the content. */
  setEmpty(message: string | undefined, busy = false): void {
    const isEmpty = message !== undefined;
    this.empty.hidden = !isEmpty;
    this.tools.hidden = isEmpty;
    this.element.classList.toggle('is-empty', isEmpty);
    this.body.hidden = isEmpty || this.tableShown;
    this.table.hidden = isEmpty || !this.tableShown;
    if (!isEmpty || this.empty.dataset.message === message) return;
    this.empty.dataset.message = message;
    fill(this.empty, busy && progressRing(), h('span', {}, message));
  }

  /** Switches between picture and tables; the models are built only while they are on show. */
  setTable(shown: boolean, models: () => TableModel | readonly TableModel[]): void {
    this.tableShown = shown;
    if (this.tableButton) setPressed(this.tableButton, shown);
    this.body.hidden = shown;
    this.table.hidden = !shown;
    if (shown) {
      const tops = [...this.table.children].map(table => table.scrollTop);
      fill(this.table, ...[models()].flat().map(dataTable));
      [...this.table.children].forEach((table, i) => table.scrollTo({ top: tops.at(i) ?? 0 }));
    } else this.table.replaceChildren();
  }
}
