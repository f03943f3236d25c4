import { h, setText } from '../dom';

export interface SliderOptions {
  readonly label: string;
  readonly min: number;
  readonly max: number;
  readonly step: number;
  readonly format: (value: number) => string;
  readonly onInput: (value: number) => void;
}

/** A range input with its label and value as text. */
export class Slider {
  readonly input = h('input', { type: 'range' });
  readonly element: HTMLElement;
  private readonly value = h('output', {});

  constructor(private readonly options: SliderOptions) {
    this.input.min = String(options.min);
    this.input.max = String(options.max);
    this.input.step = String(options.step);
    this.input.addEventListener('input', () => options.onInput(Number(this.input.value)));
    this.element = h('label', { class: 'slider' }, h('span', {}, options.label), this.input, this.value);
  }

  setMax(max: number): void {
    if (this.input.max !== String(max)) this.input.max = String(max);
  }

  set(value: number): void {
    const { format, min } = this.options;
    const max = Number(this.input.max);
    if (Number(this.input.value) !== value) this.input.value = String(value);
    this.input.style.setProperty('--done', `${max > min ? ((value - min) / (max - min)) * 100 : 100}%`);
    this.input.setAttribute('aria-valuetext', format(value));
    setText(this.value, format(value));
  }
}

export interface Choice {
  readonly value: string;
  readonly label: string;
  readonly hint?: string;
}

/** A row of exclusive choices: native radio buttons in the look of a segmented control. */
export class Segmented {
  readonly element: HTMLElement;
  private shown = '';

  constructor(
    private readonly name: string,
    label: string,
    private readonly onChange: (value: string) => void,
  ) {
    this.element = h('div', { class: 'segmented', role: 'radiogroup', 'aria-label': label });
  }

  /** Offers `choices` and checks `value`; rebuilt only if the choices changed. */
  set(choices: readonly Choice[], value: string): void {
    const key = JSON.stringify(choices);
    if (key !== this.shown) {
      this.shown = key;
      this.element.replaceChildren(...choices.map(choice => this.option(choice)));
    }
    for (const input of this.element.querySelectorAll('input')) input.checked = input.value === value;
  }

  private option({ value, label, hint }: Choice): HTMLElement {
    const input = h('input', { type: 'radio', name: this.name, value });
    input.addEventListener('change', () => this.onChange(value));
    return h('label', { title: hint }, input, h('span', {}, label));
  }
}

/** A drop-down list of exclusive choices, for names too long for a segmented control. */
export class Chooser {
  readonly element: HTMLElement;
  private readonly select = h('select', {});
  private shown = '';

  constructor(label: string, onChange: (value: string) => void) {
    this.select.setAttribute('aria-label', label);
    this.select.title = label;
    this.select.addEventListener('change', () => onChange(this.select.value));
    this.element = h('span', { class: 'chooser' }, this.select);
  }

  get value(): string {
    return this.select.value;
  }

  /** Offers `choices` and selects `value`; rebuilt only if the choices changed. */
  set(choices: readonly Choice[], value: string): void {
    const key = JSON.stringify(choices);
    if (key !== this.shown) {
      this.shown = key;
      const options = choices.map(choice => h('option', { value: choice.value }, choice.label));
      this.select.replaceChildren(...options);
    }
    this.select.value = value;
  }
}
