import '../../../media/dataColours.css';
import '../styles/tokens.css';
import '../styles/base.css';
import '../styles/card.css';
import '../styles/charts.css';
import '../styles/memory.css';
import '../styles/estimate.css';
import { toProblem } from '../../../src/common/errors';
import type { EstimateNotification, EstimateRequests } from '../../../src/common/estimate/protocol';
import { connect } from '../../../src/common/rpc';
import { toCsv } from '../model/table';
import { registerToolkit } from '../toolkit';
import { connectVsCode } from '../vsCode';
import { createEstimatePage } from './page';
import { parseSavedEstimate } from './saved';
import { EstimateStore } from './store';

registerToolkit();

const { api, port } = connectVsCode();
const connection = connect<Record<never, never>, EstimateRequests>(port, {
  handlers: {},
  onNotification: body => {
    if (isNotification(body)) void store.ask();
  },
  onFault: fault => store.setFailure(fault),
});
const store = new EstimateStore(
  {
    estimate: question => connection.request('estimate', question),
    save: state => api.setState(state),
    schedule: callback => requestAnimationFrame(callback),
  },
  parseSavedEstimate(api.getState()),
);
const attempt = (asked: Promise<unknown>): void => {
  asked.catch((error: unknown) => store.setFailure(toProblem(error)));
};
const update = createEstimatePage(
  document.getElementById('root') ?? document.body,
  {
    actions: {
      apply: () => attempt(connection.request('apply', { changes: store.state.changes })),
      openConfig: line => attempt(connection.request('openConfig', { line })),
      saveTable: table => {
        const name = `${store.state.snapshot?.name ?? 'config'}-memory.csv`;
        attempt(connection.request('save', { name, content: toCsv(table) }));
      },
    },
    edits: {
      setChange: (key, value) => store.setChange(key, value),
      reset: () => store.reset(),
      addScenario: () => store.addScenario(),
      removeScenario: index => store.removeScenario(index),
      useScenario: index => store.useScenario(index),
      setTable: shown => store.setTable(shown),
    },
  },
  () => void store.ask(),
);
store.onDidChange(update);
update(store.state);
void store.ask();

function isNotification(body: unknown): body is EstimateNotification {
  return typeof body === 'object' && body !== null && 'type' in body && body.type === 'changed';
}
