import * as vscode from 'vscode';
import type { RunState } from '../common/run/events';
import type { Overlays } from '../dashboard/overlays';
import { stateLabels } from '../engineView/labels';
import type { BrokenRun, RunEntry, RunStore } from '../runs/store';
import { gather } from '../runs/workspaceRoots';
import { formatLoss } from './format';
import { childrenOf, groupRuns, type Group, type RunsNode } from './runGroups';

const icons: Readonly<Record<RunState, readonly [icon: string, color?: string]>> = {
  queued: ['clock'],
  starting: ['loading~spin'],
  running: ['loading~spin', 'charts.blue'],
  paused: ['debug-pause', 'charts.yellow'],
  stopping: ['loading~spin'],
  stopped: ['debug-stop'],
  interrupted: ['debug-disconnect', 'charts.orange'],
  completed: ['pass', 'charts.green'],
  failed: ['error', 'charts.red'],
};

/** The Runs view. */
export class RunsTree implements vscode.TreeDataProvider<RunsNode>, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<void>();
  private readonly listening: vscode.Disposable;
  readonly onDidChangeTreeData = this.changed.event;

  constructor(
    private readonly store: RunStore,
    private readonly overlays: Overlays,
  ) {
    const soon = gather(1000, () => this.changed.fire());
    this.listening = vscode.Disposable.from(
      soon,
      store.onDidChange(() => this.changed.fire()),
      store.onDidAppend(() => soon.call()),
      overlays.onDidChange(() => this.changed.fire()),
    );
  }

  getChildren(node?: RunsNode): RunsNode[] {
    return node ? childrenOf(node) : groupRuns(this.store.runs, this.store.broken);
  }

  getTreeItem(node: RunsNode): vscode.TreeItem {
    if (node.kind === 'group') return groupItem(node.group, node.runs.length);
    return node.kind === 'run' ? runItem(node.run, this.overlays.has(node.run.id)) : brokenItem(node.broken);
  }

  /** Draws the rows again, e.g. where a checkbox says what was refused. */
  refresh(): void {
    this.changed.fire();
  }

  dispose(): void {
    this.listening.dispose();
    this.changed.dispose();
  }
}

function groupItem(group: Group, count: number): vscode.TreeItem {
  const label = group === 'active' ? vscode.l10n.t('On the Engine') : stateLabels()[group];
  const item = new vscode.TreeItem(label, vscode.TreeItemCollapsibleState.Expanded);
  item.id = `group:${group}`;
  item.description = String(count);
  item.contextValue = 'group';
  return item;
}

function runItem({ id, summary }: RunEntry, isOverlaid: boolean): vscode.TreeItem {
  const best = summary.bestEvalLoss;
  const label = best === undefined ? summary.name : `${summary.name} · ${formatLoss(best)}`;
  const item = new vscode.TreeItem(label);
  item.id = `run:${id}`;
  item.description = describe(summary);
  item.tooltip = tooltip(summary);
  item.contextValue = `run.${summary.state}${summary.exported ? '.exported' : ''}`;
  const [icon, color] = icons[summary.state];
  item.iconPath = new vscode.ThemeIcon(icon, color === undefined ? undefined : new vscode.ThemeColor(color));
  item.command = { command: 'peft.openDashboard', title: vscode.l10n.t('Open Dashboard'), arguments: [id] };
  item.checkboxState = checkbox(summary.name, isOverlaid);
  const state = stateLabels()[summary.state].toLocaleLowerCase(vscode.env.language);
  item.accessibilityInformation = { label: `${label}, ${state}, ${item.description}` };
  return item;
}

function checkbox(name: string, isOverlaid: boolean): vscode.TreeItem['checkboxState'] {
  const { Checked, Unchecked } = vscode.TreeItemCheckboxState;
  return {
    state: isOverlaid ? Checked : Unchecked,
    tooltip: isOverlaid ? vscode.l10n.t('Drawn in the charts') : vscode.l10n.t('Draw in the charts, beside other runs'),
    accessibilityInformation: { label: vscode.l10n.t('Draw {0} in the charts', name) },
  };
}

function describe({ method, step, totalSteps }: RunEntry['summary']): string {
  return totalSteps > 0 ? `${method} · ${step}/${totalSteps}` : method;
}

function tooltip(summary: RunEntry['summary']): vscode.MarkdownString {
  const lines = [
    `**${escapeMarkdown(summary.name)}** ${stateLabels()[summary.state]}`,
    vscode.l10n.t('Started {0}', new Date(summary.createdAt).toLocaleString(vscode.env.language)),
  ];
  if (summary.loss !== undefined) lines.push(vscode.l10n.t('Training loss {0}', formatLoss(summary.loss)));
  if (summary.bestEvalLoss !== undefined) {
    lines.push(vscode.l10n.t('Best evaluation loss {0}', formatLoss(summary.bestEvalLoss)));
  }
  if (summary.problem) lines.push(escapeMarkdown(`${summary.problem.message} ${summary.problem.hint}`));
  return new vscode.MarkdownString(lines.join('\n\n'));
}

function brokenItem({ id, problem }: BrokenRun): vscode.TreeItem {
  const item = new vscode.TreeItem(id);
  item.id = `broken:${id}`;
  item.description = problem.message;
  item.tooltip = `${problem.message} ${problem.hint}`;
  item.contextValue = 'broken';
  item.iconPath = new vscode.ThemeIcon('warning', new vscode.ThemeColor('list.warningForeground'));
  return item;
}

function escapeMarkdown(text: string): string {
  return text.replace(/[\\`*_{}[\]()#+\-.!<>|~]/g, '\\$&');
}
