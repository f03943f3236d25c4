import { provideVSCodeDesignSystem, vsCodeButton, vsCodeProgressRing } from '@vscode/webview-ui-toolkit';
import { icon, setAttributes, type Attributes } from './dom';

/** Registers the custom elements this page uses. Call before the page's `load` event, or they miss the theme. */
export function registerToolkit(): void {
  provideVSCodeDesignSystem().register(vsCodeButton(), vsCodeProgressRing());
}

export interface ButtonOptions {
  readonly label: string;
  readonly icon?: string;
  readonly primary?: boolean;
  readonly disabled?: boolean;
  readonly onClick: () => void;
}

/** A push button with text. */
export function button(options: ButtonOptions): HTMLElement {
  const element = make('vscode-button', { appearance: options.primary ? 'primary' : 'secondary' });
  if (options.icon !== undefined) {
    const glyph = icon(options.icon);
    glyph.slot = 'start';
    element.append(glyph);
  }
  element.append(options.label);
  if (options.disabled) element.toggleAttribute('disabled', true);
  element.addEventListener('click', () => {
    if (!element.hasAttribute('disabled')) options.onClick();
  });
  return element;
}

/** A toolbar button that shows only an icon; `label` is its name and its tooltip. */
export function iconButton(options: ButtonOptions & { readonly icon: string }): HTMLElement {
  const element = make('vscode-button', { appearance: 'icon', 'aria-label': options.label, title: options.label });
  element.append(icon(options.icon));
  element.addEventListener('click', options.onClick);
  return element;
}

/** Marks a button as a toggle that is on or off. */
export function setPressed(element: HTMLElement, pressed: boolean): void {
  const value = String(pressed);
  if (element.getAttribute('aria-pressed') === value) return;
  element.setAttribute('aria-pressed', value);
  element.classList.toggle('pressed', pressed);
}

/** The indeterminate progress ring. */
export function progressRing(): HTMLElement {
  return make('vscode-progress-ring', { 'aria-hidden': 'true' });
}

function make(tag: 'vscode-button' | 'vscode-progress-ring', attributes: Attributes): HTMLElement {
  const element = document.createElement(tag);
  setAttributes(element, attributes);
  return element;
}
