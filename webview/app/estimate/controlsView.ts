import type { Control } from '../../../src/common/estimate/controls';
import { createGate, fill, h, type Child } from '../dom';
import { iconButton } from '../toolkit';
import { Card } from '../views/card';
import { coded } from './coded';
import { valueText } from './model';
import type { EstimateContext, EstimateView } from './view';
import { createWidget, type Widget } from './widgets';

interface Row {
  readonly control: Control;
  readonly element: HTMLElement;
  readonly widget: Widget;
  readonly note: HTMLElement;
  readonly reset: HTMLElement;
}

/** A widget for every key that decides how much memory a run takes; what it does is told while it is pointed at. */
export function createControlsView({ edits }: EstimateContext): EstimateView {
  const card = new Card({ id: 'controls', title: 'Techniques' });
  const groups = h('div', { class: 'control-groups' });
  const help = h('p', { class: 'control-help', id: 'control-help' });
  card.body.append(groups, help);
  const explain = (control?: Control): void => {
    help.classList.toggle('is-idle', control === undefined);
    fill(help, ...helpOf(control));
  };
  const changed = createGate();
  let rows: readonly Row[] = [];
  explain();
  return {
    element: card.element,
    update: ({ numbers, changes }) => {
      if (changed(JSON.stringify(numbers.controls))) {
        const focused = document.activeElement?.closest<HTMLElement>('.control')?.dataset.key;
        rows = numbers.controls.map(control => createRow(control, edits.setChange, explain));
        fill(groups, ...grouped(rows));
        rows.find(({ control }) => control.key === focused)?.widget.focus();
      }
      let count = 0;
      for (const row of rows) if (show(row, changes)) count++;
      card.setSubtitle(count === 0 ? 'as in the config' : count === 1 ? '1 change' : `${count} changes`);
    },
    dispose: () => card.element.remove(),
  };
}

function createRow(
  control: Control,
  setChange: (key: string, value: unknown) => void,
  explain: (control?: Control) => void,
): Row {
  const { key, value } = control;
  const name = key.slice(key.lastIndexOf('.') + 1);
  const widget = createWidget(control, name, chosen => setChange(key, chosen));
  const note = h('span', { class: 'control-note' });
  const reset = iconButton({ label: `Put ${name} back`, icon: 'discard', onClick: () => setChange(key, value) });
  const element = h(
    'div',
    { class: 'control', 'data-key': key, title: `${key}: ${control.expected}` },
    h('span', { class: 'control-name', 'aria-hidden': 'true' }, name),
    h('div', { class: 'control-value' }, widget.element, reset),
    note,
  );
  element.addEventListener('focusin', () => explain(control));
  element.addEventListener('mouseenter', () => explain(control));
  return { control, element, widget, note, reset };
}

/** Puts a row where the toggle is; answers whether that differs from the config. */
function show({ control, element, widget, note, reset }: Row, changes: Readonly<Record<string, unknown>>): boolean {
  const isChanged = Object.hasOwn(changes, control.key) && changes[control.key] !== control.value;
  widget.set(isChanged ? changes[control.key] : control.value);
  element.classList.toggle('is-changed', isChanged);
  note.textContent = isChanged ? `${valueText(control.value)} in the config` : '';
  reset.hidden = !isChanged;
  return isChanged;
}

function grouped(rows: readonly Row[]): HTMLElement[] {
  const sections = new Map<string, HTMLElement[]>();
  for (const { control, element } of rows) {
    const section = control.key.slice(0, control.key.lastIndexOf('.'));
    sections.set(section, [...(sections.get(section) ?? []), element]);
  }
  return [...sections].map(([name, elements]) => h('fieldset', {}, h('legend', {}, name), ...elements));
}

/** What the schema says about a key. */
function helpOf(control?: Control): Child[] {
  if (control === undefined) return ['Point at a key to read what it does.'];
  return [h('strong', {}, control.key), ' ', ...coded(control.description)];
}
