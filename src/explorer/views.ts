import * as vscode from 'vscode';
import { isActive } from '../common/run/stateMachine';
import type { Services } from '../commands/services';
import { QueueTree } from './queueTree';
import { RunsTree } from './runsTree';

/** Creates the two trees. */
export function registerExplorer(services: Pick<Services, 'store' | 'queue' | 'scheduler'>): vscode.Disposable {
  const { store, queue, scheduler } = services;
  const runsTree = new RunsTree(store);
  const queueTree = new QueueTree(queue);
  const runs = vscode.window.createTreeView('peft.runs', {
    treeDataProvider: runsTree,
    canSelectMany: true,
    showCollapseAll: true,
  });
  const waiting = vscode.window.createTreeView('peft.queueView', {
    treeDataProvider: queueTree,
    dragAndDropController: queueTree,
    canSelectMany: true,
  });
  const updateBadge = () => {
    const count = store.runs.filter(run => isActive(run.summary.state)).length;
    runs.badge = count > 0 ? { value: count, tooltip: vscode.l10n.t('{0} on the engine', count) } : undefined;
  };
  const updateMessage = () => {
    waiting.message = scheduler.isHeld ? vscode.l10n.t('Waiting since the last session. Press ▶ to go on.') : undefined;
  };
  return vscode.Disposable.from(
    runs,
    waiting,
    runsTree,
    queueTree,
    store.onDidChange(updateBadge),
    store.onDidChange(updateMessage),
    queue.onDidChange(updateMessage),
  );
}
