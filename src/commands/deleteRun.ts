import * as vscode from 'vscode';
import { toProblem } from '../common/errors';
import type { Services } from './services';
import { chooseRun, runIdsFrom } from './targets';

/** `Delete…`: names what will go, then moves it to the trash. */
export async function deleteRuns(services: Services, args: readonly unknown[]): Promise<void> {
  const { store, log } = services;
  let ids = runIdsFrom(args);
  if (ids.length === 0) {
    const chosen = await chooseRun(store, [], {
      title: vscode.l10n.t('Delete which run?'),
      none: vscode.l10n.t('There are no runs yet.'),
    });
    ids = chosen === undefined ? [] : [chosen];
  }
  if (ids.length === 0 || !(await confirm(services, ids))) return;
  for (const id of ids) {
    try {
      await store.remove(id, { trash: true });
    } catch (error) {
      log.warn(`${id} could not be moved to the trash: ${toProblem(error).message}`);
      await removeForGood(services, id);
    }
  }
}

async function confirm({ store }: Services, ids: readonly string[]): Promise<boolean> {
  const names = ids.map(id => store.find(id)?.summary.name ?? id);
  const question =
    ids.length === 1
      ? vscode.l10n.t('Delete the run "{0}"?', names[0])
      : vscode.l10n.t('Delete {0} runs: {1}?', ids.length, names.slice(0, 10).join(', '));
  const folders = ids.slice(0, 10).map(id => `.peft/runs/${id}`);
  const detail = vscode.l10n.t(
    'Its metrics, checkpoints and adapter go to the trash:\n{0}',
    folders.join('\n') + (ids.length > 10 ? '\n…' : ''),
  );
  const move = vscode.l10n.t('Move to Trash');
  return (await vscode.window.showWarningMessage(question, { modal: true, detail }, move)) === move;
}

/** Some file systems have no trash; that is worth a second question. */
async function removeForGood({ store }: Services, id: string): Promise<void> {
  const remove = vscode.l10n.t('Delete Permanently');
  const question = vscode.l10n.t('.peft/runs/{0} cannot be moved to the trash. Delete it permanently?', id);
  const answer = await vscode.window.showWarningMessage(question, { modal: true }, remove);
  if (answer === remove) await store.remove(id, { trash: false });
}
