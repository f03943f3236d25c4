import type { Control } from '../../../src/common/estimate/controls';
import { h } from '../dom';
import { Segmented } from '../views/controls';
import { valueText } from './model';

/** An input for one key. */
export interface Widget {
  readonly element: HTMLElement;
  set(value: unknown): void;
  focus(): void;
}

/** Choices that stand side by side in a narrow column: at most this many letters. */
const shortRow = 24;

/** A row of choices, a list of them where they are many, or a number. */
export function createWidget(control: Control, name: string, onChange: (value: unknown) => void): Widget {
  const { choices } = control;
  if (choices === undefined) return createNumber(name, control.value, onChange);
  const labels = choices.map(valueText);
  const isShort = choices.length <= 5 && labels.join('').length <= shortRow;
  return isShort ? createRow(control.key, name, choices, onChange) : createList(name, choices, onChange);
}

function createRow(key: string, name: string, choices: readonly unknown[], onChange: (value: unknown) => void): Widget {
  const row = new Segmented(key, name, chosen => onChange(choices[Number(chosen)]));
  const options = choices.map((choice, i) => ({ value: String(i), label: valueText(choice) }));
  return {
    element: row.element,
    set: value => row.set(options, String(choices.indexOf(value))),
    focus: () => row.element.querySelector<HTMLInputElement>('input:checked')?.focus(),
  };
}

function createList(name: string, choices: readonly unknown[], onChange: (value: unknown) => void): Widget {
  const options = choices.map((choice, i) => h('option', { value: i }, valueText(choice)));
  const list = h('select', { 'aria-label': name, 'aria-describedby': 'control-help' }, ...options);
  list.addEventListener('change', () => onChange(choices[Number(list.value)]));
  return { element: list, set: value => (list.value = String(choices.indexOf(value))), focus: () => list.focus() };
}

/** Empty is a key that is left out, where it may be. */
function createNumber(name: string, written: unknown, onChange: (value: unknown) => void): Widget {
  const attributes = { type: 'number', min: 1, 'aria-label': name, 'aria-describedby': 'control-help' };
  const input = h('input', { ...attributes, placeholder: written === null ? valueText(null) : undefined });
  input.addEventListener('input', () => {
    const value = input.valueAsNumber;
    if (value > 0) onChange(value);
    else if (input.value === '' && written === null) onChange(null);
  });
  return {
    element: input,
    set: value => {
      const text = value === null ? '' : valueText(value);
      if (document.activeElement !== input || Number(input.value) !== value) input.value = text;
    },
    focus: () => input.focus(),
  };
}
