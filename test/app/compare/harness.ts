/** Stands where VS Code stands for the comparison page: hands it the API and answers over the real connection. */
import type { ComparisonRequests, ComparisonSnapshot } from '../../../src/common/comparison/protocol';
import { problem } from '../../../src/common/errors';
import { connect, type Port } from '../../../src/common/rpc';
import themes from '../themes.json';
import { compareScenes } from './scenes';

interface PageWindow extends Window {
  acquireVsCodeApi(): unknown;
  /** Requests the page made, for tests. */
  asked: { method: string; params: unknown }[];
  /** What the page keeps for its next life. */
  kept: unknown;
  useTheme(name: string): void;
  /** Delivers the variants of another scene, as they change while runs go on. */
  deliver(name: string): void;
  /** A comparison read from run folders, instead of a scene. */
  given?: ComparisonSnapshot;
}
declare const window: PageWindow;

const query = new URLSearchParams(location.search);
const scene = window.given ? { snapshot: window.given } : compareScenes[query.get('scene') ?? 'bakeoff']();

function applyTheme(name: string): void {
  const theme = Object.entries(themes).find(([key]) => key === name)?.[1] ?? themes.dark;
  const fonts = { 'font-family': 'system-ui, "Ubuntu", "Droid Sans", sans-serif', 'font-size': '13px' };
  for (const [key, value] of Object.entries({ ...theme.colours, ...fonts, 'editor-font-family': 'monospace' })) {
    document.documentElement.style.setProperty(`--vscode-${key}`, value);
  }
  document.body.className = theme.kind;
  document.body.dataset.vscodeThemeKind = theme.kind;
}

let listener: (raw: unknown) => void = () => undefined;
const port: Port = {
  post: frame => window.postMessage(structuredClone(frame)),
  onFrame: heard => {
    listener = heard;
    return { dispose: () => undefined };
  },
};

window.asked = [];
window.acquireVsCodeApi = () => ({
  postMessage: (message: unknown) => setTimeout(() => listener(structuredClone(message)), 0),
  getState: () => window.kept,
  setState: (next: unknown) => (window.kept = next),
});
applyTheme(query.get('theme') ?? 'dark');
window.useTheme = applyTheme;
window.deliver = name => {
  connection.notify({ type: 'variants', variants: compareScenes[name]().snapshot?.variants ?? [] });
};
const note = (method: string) => (params: unknown) => {
  window.asked.push({ method, params });
  return { accepted: true as const };
};
const connection = connect<ComparisonRequests, Record<never, never>>(port, {
  handlers: {
    hydrate: () => {
      if ('refuse' in scene) throw problem('comparison.gone', 'comparison.json is not there any more.', 'Restore it.');
      return scene.snapshot ?? new Promise(() => undefined);
    },
    openRun: note('openRun'),
    openConfig: note('openConfig'),
    queueMissing: params => {
      note('queueMissing')(params);
      return { queued: 1 };
    },
    save: params => {
      note('save')(params);
      return { saved: true };
    },
  },
});
