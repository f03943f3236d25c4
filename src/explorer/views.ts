import * as vscode from 'vscode';
import { toProblem, type Problem } from '../common/errors';
import { isActive } from '../common/run/stateMachine';
import type { Services } from '../commands/services';
import { QueueTree } from './queueTree';
import type { RunsNode } from './runGroups';
import { RunsTree } from './runsTree';

type Needs = Pick<Services, 'store' | 'queue' | 'scheduler' | 'overlays' | 'dashboards'>;

/** Creates the two trees; a checked row of the first is overlaid in the dashboards. */
export function registerExplorer(services: Needs, onProblem: (problem: Problem) => void): vscode.Disposable {
  const { store, queue, scheduler, overlays } = services;
  const runsTree = new RunsTree(store, overlays);
  const queueTree = new QueueTree(queue);
  const runs = vscode.window.createTreeView('peft.runs', {
    treeDataProvider: runsTree,
    canSelectMany: true,
    showCollapseAll: true,
    manageCheckboxStateManually: true,
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
    runs.onDidChangeCheckboxState(({ items }) => {
      try {
        check(items, services);
      } catch (error) {
        onProblem(toProblem(error));
        runsTree.refresh();
      }
    }),
    store.onDidChange(updateBadge),
    store.onDidChange(updateMessage),
    queue.onDidChange(updateMessage),
  );
}

/** Overlays what was checked; with no dashboard to show it in, the first checked run gets one. */
function check(items: readonly (readonly [RunsNode, vscode.TreeItemCheckboxState])[], services: Needs): void {
  const { overlays, dashboards } = services;
  for (const state of [vscode.TreeItemCheckboxState.Unchecked, vscode.TreeItemCheckboxState.Checked]) {
    const ids = items.flatMap(([node, now]) => (now === state && node.kind === 'run' ? [node.run.id] : []));
    if (ids.length > 0) overlays.set(ids, state === vscode.TreeItemCheckboxState.Checked);
  }
  if (overlays.ids.length > 0 && !dashboards.isAnyOpen) dashboards.show(overlays.ids[0], { preserveFocus: true });
}
