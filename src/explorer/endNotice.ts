import * as vscode from 'vscode';
import type { Dashboards } from '../dashboard/panels';
import type { RunEnd } from '../runs/controller';
import { formatDuration, formatLoss } from './format';

/** Says that a run has ended, if it took longer than the setting `peft.notifyAfterSeconds`. */
export async function announceEnd({ view, problem }: RunEnd, dashboards: Dashboards): Promise<void> {
  const threshold = vscode.workspace.getConfiguration('peft').get('notifyAfterSeconds', 60);
  const took = view.updatedAt - (view.startedAt ?? view.updatedAt);
  if (threshold < 0 || took < threshold * 1000 || view.state === 'stopped') return;
  const open = vscode.l10n.t('Open Dashboard');
  const { name, id } = view.manifest;
  const chosen = problem
    ? await vscode.window.showErrorMessage(`${name}: ${problem.message} ${problem.hint}`, open)
    : await vscode.window.showInformationMessage(doneText(name, took, view.evaluations.loss), open);
  if (chosen === open) dashboards.show(id);
}

function doneText(name: string, took: number, evaluations: readonly number[]): string {
  const last = evaluations.at(-1);
  if (last === undefined) return vscode.l10n.t('{0} is done after {1}.', name, formatDuration(took));
  return vscode.l10n.t('{0} is done after {1}: evaluation loss {2}.', name, formatDuration(took), formatLoss(last));
}
