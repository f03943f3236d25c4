import type { Problem } from '../../src/common/errors';
import type { DashboardNotification, DashboardRequests } from '../../src/common/protocol';
import { connect, type Connection } from '../../src/common/rpc';
import { parseSavedState, type SavedState } from './preferences';
import { connectVsCode } from './vsCode';

/** The extension host as this page sees it. */
export interface Host {
  readonly connection: Connection<DashboardRequests>;
  readState(): SavedState;
  writeState(state: SavedState): void;
}

/** Connects the page to the host; called once. */
export function connectHost(
  onNotification: (notification: DashboardNotification) => void,
  onFault: (fault: Problem) => void,
): Host {
  const { api, port } = connectVsCode();
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
