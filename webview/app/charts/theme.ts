import type { Disposable } from '../../../src/common/lifecycle';
import { Emitter } from '../../../src/common/lifecycle';
import { parseColour } from '../model/heat';

/** Names of the custom properties that `styles/tokens.css` registers as colours. */
const names = [
  'foreground',
  'dim',
  'line',
  'card',
  'page',
  'focus',
  'blue',
  'orange',
  'green',
  'purple',
  'red',
  'yellow',
  'grey',
  'teal',
] as const;
export type ColourName = (typeof names)[number];

/** The resolved look of the current VS Code theme, for what is drawn on a canvas. */
export interface Theme {
  readonly colours: Readonly<Record<ColourName, string>>;
  readonly fontFamily: string;
  readonly highContrast: boolean;
}

/** Reads the theme again whenever VS Code changes it. */
export class ThemeSource implements Disposable {
  private readonly changed = new Emitter<Theme>();
  private readonly observer = new MutationObserver(() => this.refresh());
  private theme = readTheme();

  readonly onDidChange = this.changed.event;

  constructor() {
    const filter = { attributes: true, attributeFilter: ['class', 'style'] };
    this.observer.observe(document.body, filter);
    this.observer.observe(document.documentElement, filter);
  }

  get current(): Theme {
    return this.theme;
  }

  dispose(): void {
    this.observer.disconnect();
    this.changed.dispose();
  }

  private refresh(): void {
    const next = readTheme();
    if (JSON.stringify(next) === JSON.stringify(this.theme)) return;
    this.theme = next;
    this.changed.fire(next);
  }
}

function readTheme(): Theme {
  const style = getComputedStyle(document.body);
  const colour = (name: ColourName): [ColourName, string] => [name, style.getPropertyValue(`--pw-${name}`)];
  return {
    colours: Object.fromEntries(names.map(colour)) as Record<ColourName, string>,
    fontFamily: style.fontFamily,
    highContrast: /vscode-high-contrast/.test(document.body.className),
  };
}

/** The same colour with another opacity, 0 to 1. */
export function withAlpha(colour: string, alpha: number): string {
  const channels = parseColour(colour).map(value => Math.round(value * 255));
  return `rgba(${channels.join(', ')}, ${alpha})`;
}
