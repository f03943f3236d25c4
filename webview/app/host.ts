import type { Problem } from '../../src/common/errors';
import type { DashboardNotification, DashboardRequests } from '../../src/common/protocol';
import { connect, type Connection, type Port } from '../../src/common/rpc';
import { parseSavedState, type SavedState } from './preferences';

interface VsCodeApi {
  postMessage(message: unknown): void;
  getState(): unknown;
  setState(state: unknown): void;
}

declare function acquireVsCodeApi(): VsCodeApi;

/** The extension host as this page sees it. */
export interface Host {
  readonly connection: Connection<DashboardRequests>;
  readState(): SavedState;
  writeState(state: SavedState): void;
}

/** Connects the page to the host. VS Code hands its API out once, so this is called once. */
export function connectHost(
  onNotification: (notification: DashboardNotification) => void,
  onFault: (fault: Problem) => void,
): Host {
  const api = acquireVsCodeApi();
  const port: Port = {
    post: frame => api.postMessage(frame),
    onFrame: listener => {
      const relay = (message: MessageEvent<unknown>): void => listener(message.data);
      window.addEventListener('message', relay);
      return { dispose: () => window.removeEventListener('message', relay) };
    },
  };
  const hear = (body: unknown): void => {
    if (isNotification(body)) onNotification(body);
  };
  return {
    connection: connect<Record<never, never>, DashboardRequests>(port, { handlers: {}, onNotification: hear, onFault }),
    readState: () => parseSavedState(api.getState()),
    writeState: state => api.setState(state),
  };
}

function isNotification(body: unknown): body is DashboardNotification {
  if (typeof body !== 'object' || body === null || !('type' in body)) return false;
  return body.type === 'snapshot' || body.type === 'deltas';
}
