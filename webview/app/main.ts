import '../../media/dataColours.css';
import './styles/tokens.css';
import './styles/base.css';
import './styles/header.css';
import './styles/card.css';
import './styles/charts.css';
import './styles/heatmap.css';
import './styles/memory.css';
import './styles/texts.css';
import { createActions } from './actions';
import { registerCharts } from './charts/chartjs';
import { LinkedSteps } from './charts/cursor';
import { ThemeSource } from './charts/theme';
import { connectHost } from './host';
import { createPage } from './page';
import { Store } from './store';
import { registerToolkit } from './toolkit';

registerToolkit();
registerCharts();

const host = connectHost(
  notification => store.receive(notification),
  fault => store.setFailure(fault),
);
const store = new Store(
  {
    hydrate: runId => host.connection.request('hydrate', { runId }),
    save: state => host.writeState(state),
    schedule: callback => requestAnimationFrame(callback),
  },
  host.readState(),
);
const update = createPage(
  document.getElementById('root') ?? document.body,
  {
    actions: createActions(host, store),
    cursor: new LinkedSteps(),
    theme: new ThemeSource(),
    setPreferences: change => store.setPreferences(change),
  },
  { onRetry: () => void store.hydrate(), onDismiss: () => store.setFailure(undefined) },
);
store.onDidChange(update);
update(store.state);
void store.hydrate();
