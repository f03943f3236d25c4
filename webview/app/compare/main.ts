import '../../../media/dataColours.css';
import '../styles/tokens.css';
import '../styles/base.css';
import '../styles/card.css';
import '../styles/charts.css';
import '../styles/comparison.css';
import type { ComparisonNotification, ComparisonRequests } from '../../../src/common/comparison/protocol';
import { toProblem } from '../../../src/common/errors';
import { connect, type Connection } from '../../../src/common/rpc';
import { registerCharts } from '../charts/chartjs';
import { LinkedSteps } from '../charts/cursor';
import { ThemeSource } from '../charts/theme';
import { toCsv } from '../model/table';
import { registerToolkit } from '../toolkit';
import { connectVsCode } from '../vsCode';
import { createComparePage } from './page';
import { parseSavedComparison } from './preferences';
import { CompareStore } from './store';
import type { CompareActions } from './view';

registerToolkit();
registerCharts();

const { api, port } = connectVsCode();
const connection = connect<Record<never, never>, ComparisonRequests>(port, {
  handlers: {},
  onNotification: body => {
    if (isNotification(body)) store.receive(body);
  },
  onFault: fault => store.setFailure(fault),
});
const store = new CompareStore(
  {
    hydrate: comparison => connection.request('hydrate', { comparison }),
    save: state => api.setState(state),
    schedule: callback => requestAnimationFrame(callback),
  },
  parseSavedComparison(api.getState()),
);
const update = createComparePage(
  document.getElementById('root') ?? document.body,
  {
    actions: actionsOn(connection),
    cursor: new LinkedSteps(),
    theme: new ThemeSource(),
    setPreferences: change => store.setPreferences(change),
  },
  () => void store.hydrate(),
);
store.onDidChange(update);
update(store.state);
void store.hydrate();

function isNotification(body: unknown): body is ComparisonNotification {
  if (typeof body !== 'object' || body === null || !('type' in body)) return false;
  return body.type === 'snapshot' || body.type === 'variants';
}

function actionsOn(host: Connection<ComparisonRequests>): CompareActions {
  const attempt = (asked: Promise<unknown>): void => {
    asked.catch((error: unknown) => store.setFailure(toProblem(error)));
  };
  const named = (name: string): string => `${store.state.snapshot?.definition.name ?? 'comparison'}-${name}`;
  return {
    openRun: runId => attempt(host.request('openRun', { runId })),
    openConfig: config => attempt(host.request('openConfig', { config })),
    queueMissing: () => attempt(host.request('queueMissing', {})),
    saveTable: (name, table) => attempt(host.request('save', { name: `${named(name)}.csv`, content: toCsv(table) })),
    saveImage: (name, image) => {
      if (image === undefined) return;
      const sent = image
        .arrayBuffer()
        .then(buffer => host.request('save', { name: `${named(name)}.png`, content: new Uint8Array(buffer) }));
      attempt(sent);
    },
  };
}
