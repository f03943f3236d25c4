import type { Disposable } from '../../../src/common/lifecycle';
import { h } from '../dom';
import { iconButton } from '../toolkit';
import { Slider } from './controls';

const frameMs = 250;

/** Moves through recorded steps by hand or by playing; at the end it follows the run. */
export class Scrubber implements Disposable {
  readonly element: HTMLElement;
  private readonly slider: Slider;
  private readonly play: HTMLElement;
  private steps: readonly number[] = [];
  private position?: number;
  private timer?: ReturnType<typeof setInterval>;

  constructor(private readonly onMove: () => void) {
    this.slider = new Slider({
      label: 'step',
      min: 0,
      max: 0,
      step: 1,
      format: index => (this.steps[index] ?? 0).toLocaleString('en-US'),
      onInput: index => this.moveTo(index),
    });
    this.play = iconButton({ label: 'Play through the steps', icon: 'play', onClick: () => this.toggle() });
    this.play.classList.add('play');
    this.element = h('div', { class: 'scrubber' }, this.play, this.slider.element);
  }

  /** Index of the step on show. */
  get index(): number {
    return Math.min(this.position ?? Infinity, this.steps.length - 1);
  }

  setFrames(steps: readonly number[]): void {
    this.steps = steps;
    this.slider.setMax(steps.length - 1);
    this.element.hidden = steps.length < 2;
    this.slider.set(this.index);
  }

  /** Goes to a recorded step; to the last one before it if it is not recorded. */
  show(step: number): void {
    this.stop();
    this.moveTo(
      Math.max(
        0,
        this.steps.findLastIndex(recorded => recorded <= step),
      ),
    );
  }

  /** Goes to the end and stays there while steps arrive. */
  follow(): void {
    this.stop();
    this.position = undefined;
  }

  dispose(): void {
    this.stop();
  }

  private moveTo(index: number): void {
    this.position = index >= this.steps.length - 1 ? undefined : index;
    this.slider.set(this.index);
    this.onMove();
  }

  private toggle(): void {
    if (this.timer !== undefined) {
      this.stop();
      return;
    }
    if (this.index === this.steps.length - 1) this.moveTo(0);
    this.label('debug-pause', 'Stop playing');
    this.timer = setInterval(() => {
      this.moveTo(this.index + 1);
      if (this.position === undefined) this.stop();
    }, frameMs);
  }

  private stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
    this.label('play', 'Play through the steps');
  }

  private label(icon: string, label: string): void {
    const glyph = this.play.querySelector('.codicon');
    if (glyph) glyph.className = `codicon codicon-${icon}`;
    this.play.setAttribute('aria-label', label);
    this.play.title = label;
  }
}
