/** Stands where VS Code stands: hands the page its API, answers its requests over the real connection, streams events. */
import { problem } from '../../src/common/errors';
import { protocolVersion, type DashboardRequests } from '../../src/common/protocol';
import { connect, type Handlers } from '../../src/common/rpc';
import { scenes } from './scenes';
import { standIn, type PageWindow } from './standIn';

interface DashboardWindow extends PageWindow {
  /** Prepares a scene's snapshot; the function it returns delivers it. */
  prepare(name: string): () => void;
}
declare const window: DashboardWindow;

const query = new URLSearchParams(location.search);
const scene = (scenes[query.get('scene') ?? 'running'] ?? scenes.running)();
let shown = scene.snapshot;
const port = standIn(query.get('theme') ?? 'dark');

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

window.prepare = name => {
  const { snapshot } = scenes[name]();
  return () => connection.notify({ type: 'snapshot', snapshot });
};
const connection = connect<DashboardRequests, Record<never, never>>(port, { handlers: handlers() });
