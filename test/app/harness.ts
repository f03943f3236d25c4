/** Stands where VS Code stands: hands the page its API, answers its requests over the real connection, streams events. */
import { problem } from '../../src/common/errors';
import { protocolVersion, type DashboardRequests } from '../../src/common/protocol';
import { connect, type Handlers, type Port } from '../../src/common/rpc';
import { scenes } from './scenes';
import themes from './themes.json';

interface PageWindow extends Window {
  acquireVsCodeApi(): unknown;
  /** Requests the page made, for tests. */
  asked: { method: string; params: unknown }[];
  /** What the page keeps for its next life. */
  kept: unknown;
  useTheme(name: string): void;
  /** Prepares a scene's snapshot; the function it returns delivers it. */
  prepare(name: string): () => void;
}
declare const window: PageWindow;

const query = new URLSearchParams(location.search);
const scene = (scenes[query.get('scene') ?? 'running'] ?? scenes.running)();
let shown = scene.snapshot;

function applyTheme(name: string): void {
  const theme = Object.entries(themes).find(([key]) => key === name)?.[1] ?? themes.dark;
  for (const [name, value] of Object.entries(theme.colours)) {
    document.documentElement.style.setProperty(`--vscode-${name}`, value);
  }
  const fonts = { 'font-family': 'system-ui, "Ubuntu", "Droid Sans", sans-serif', 'font-size': '13px' };
  for (const [name, value] of Object.entries({ ...fonts, 'editor-font-family': 'monospace' })) {
    document.documentElement.style.setProperty(`--vscode-${name}`, value);
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

function handlers(): Handlers<DashboardRequests> {
  const accept = (method: string) => (params: unknown) => {
    window.asked.push({ method, params });
    if (scene.refuse) throw problem('engine.busy', 'The engine runs another run.', 'Wait for it to end, or stop it.');
    return { accepted: true as const };
  };
  return {
    hydrate: () => {
      if (scene.refuse) throw problem('run.gone', 'The run folder is gone.', 'Choose another run in the Runs view.');
      stream(body => connection.notify(body));
      return scene.snapshot ?? new Promise(() => undefined);
    },
    command: accept('command'),
    invoke: accept('invoke'),
    overlay: params => {
      const accepted = accept('overlay')(params);
      const runs = (shown?.runs ?? []).filter(run => run.manifest.id !== params.runId);
      shown = { version: protocolVersion, runs };
      connection.notify({ type: 'snapshot', snapshot: shown });
      return accepted;
    },
    save: params => {
      window.asked.push({ method: 'save', params });
      return { saved: true };
    },
  };
}

function stream(notify: (body: unknown) => void): void {
  const { stream: feed } = scene;
  if (feed === undefined) return;
  let at = 0;
  const timer = setInterval(() => {
    const events = feed.events.slice(at, at + 3);
    at += events.length;
    if (events.length === 0) clearInterval(timer);
    else notify({ type: 'deltas', runId: feed.runId, events });
  }, 100);
}

window.asked = [];
window.acquireVsCodeApi = () => ({
  postMessage: (message: unknown) => setTimeout(() => listener(structuredClone(message)), 0),
  getState: () => window.kept,
  setState: (next: unknown) => (window.kept = next),
});
applyTheme(query.get('theme') ?? 'dark');
window.useTheme = applyTheme;
window.prepare = name => {
  const { snapshot } = scenes[name]();
  return () => connection.notify({ type: 'snapshot', snapshot });
};
const connection = connect<DashboardRequests, Record<never, never>>(port, { handlers: handlers() });
