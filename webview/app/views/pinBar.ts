import { h } from '../dom';
import { iconButton, setPressed } from '../toolkit';
import { Segmented } from './controls';

/** Keeps a step in sight beside the one on show, or shows the difference of both. */
export class PinBar {
  readonly element: HTMLElement;
  private readonly pin: HTMLElement;
  private readonly mode: Segmented;
  private step?: number;
  private asDifference = false;

  constructor(
    private readonly current: () => number | undefined,
    private readonly onChange: () => void,
  ) {
    this.pin = iconButton({ label: 'Pin this step', icon: 'pin', onClick: () => this.toggle() });
    this.mode = new Segmented('heat-pin', 'Pinned and current step', value => {
      this.asDifference = value === 'difference';
      this.onChange();
    });
    this.element = h('div', { class: 'pin-bar' }, this.pin, this.mode.element);
    this.draw();
  }

  /** The step kept in sight. */
  get pinned(): number | undefined {
    return this.step;
  }

  /** Whether one map with the difference is wanted instead of two. */
  get difference(): boolean {
    return this.asDifference;
  }

  /** Lets go of the pinned step, for another run. */
  clear(): void {
    this.step = undefined;
    this.draw();
  }

  private toggle(): void {
    this.step = this.step === undefined ? this.current() : undefined;
    this.draw();
    this.onChange();
  }

  private draw(): void {
    const { step } = this;
    const label = step === undefined ? 'Pin this step to compare others with it' : `Unpin step ${step}`;
    this.pin.setAttribute('aria-label', label);
    this.pin.title = label;
    setPressed(this.pin, step !== undefined);
    this.mode.element.hidden = step === undefined;
    this.mode.set(choices, this.asDifference ? 'difference' : 'beside');
  }
}

const choices = [
  { value: 'beside', label: 'side by side', hint: 'The pinned step and the one on show with the same colours' },
  { value: 'difference', label: 'difference', hint: 'What changed from the pinned step to the one on show' },
];
