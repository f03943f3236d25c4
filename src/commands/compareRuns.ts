import * as vscode from 'vscode';
import { problem } from '../common/errors';
import { maxOverlays } from '../dashboard/overlays';
import { stateLabels } from '../engineView/labels';
import type { Services } from './services';
import { runIdsFrom } from './targets';

type Needs = Pick<Services, 'store' | 'overlays' | 'dashboards'>;

/** `Compare Selected`: the first run's dashboard with the others' curves beside its own; asks if none are selected. */
export async function compareRuns(services: Needs, args: readonly unknown[]): Promise<void> {
  const { store, overlays, dashboards } = services;
  const named = runIdsFrom(args).filter(id => store.find(id));
  const ids = named.length >= 2 ? named : await chooseRuns(services, named);
  if (ids === undefined) return;
  if (ids.length < 2) {
    throw problem(
      'overlay.tooFew',
      vscode.l10n.t('It takes two runs to compare.'),
      vscode.l10n.t('Select them in the Runs view with Ctrl or Shift.'),
    );
  }
  overlays.replace(ids);
  dashboards.show(ids[0]);
}

async function chooseRuns({ store }: Needs, picked: readonly string[]): Promise<string[] | undefined> {
  if (store.runs.length < 2) {
    const hint = vscode.l10n.t('Run a config first.');
    throw problem('run.none', vscode.l10n.t('There are fewer than two runs.'), hint);
  }
  const items = store.runs.map(({ id, summary }) => ({
    label: summary.name,
    description: stateLabels()[summary.state],
    detail: new Date(summary.createdAt).toLocaleString(vscode.env.language),
    picked: picked.includes(id),
    id,
  }));
  const title = vscode.l10n.t('Compare which runs? At most {0}.', maxOverlays + 1);
  const chosen = await vscode.window.showQuickPick(items, { title, canPickMany: true, matchOnDetail: true });
  return chosen?.map(item => item.id);
}
