import type { Port } from '../../src/common/rpc';
import themes from './themes.json';

/** The window of a page whose host stands in for VS Code. */
export interface PageWindow extends Window {
  acquireVsCodeApi(): unknown;
  /** Requests the page made, for tests. */
  asked: { method: string; params: unknown }[];
  /** What the page keeps for its next life. */
  kept: unknown;
  useTheme(name: string): void;
}
declare const window: PageWindow;

/** Gives the page the API of a webview and the colours of a theme; answers the wire to the page. */
export function standIn(theme: string): Port {
  let listener: (raw: unknown) => void = () => undefined;
  window.asked = [];
  window.acquireVsCodeApi = () => ({
    postMessage: (message: unknown) => setTimeout(() => listener(structuredClone(message)), 0),
    getState: () => window.kept,
    setState: (next: unknown) => (window.kept = next),
  });
  applyTheme(theme);
  window.useTheme = applyTheme;
  return {
    post: frame => window.postMessage(structuredClone(frame)),
    onFrame: heard => {
      listener = heard;
      return { dispose: () => undefined };
    },
  };
}

function applyTheme(name: string): void {
  const theme = Object.entries(themes).find(([key]) => key === name)?.[1] ?? themes.dark;
  const fonts = { 'font-family': 'system-ui, "Ubuntu", "Droid Sans", sans-serif', 'font-size': '13px' };
  for (const [key, value] of Object.entries({ ...theme.colours, ...fonts, 'editor-font-family': 'monospace' })) {
    document.documentElement.style.setProperty(`--vscode-${key}`, value);
  }
  document.body.className = theme.kind;
  document.body.dataset.vscodeThemeKind = theme.kind;
}
