import * as vscode from 'vscode';
import { problem } from '../common/errors';
import type { RunsNode } from '../explorer/runGroups';
import type { RunEntry, RunStore } from '../runs/store';
import { stateLabels } from '../engineView/labels';

/** The run ids that a command was invoked with: a selection in the tree, one node, an id, or nothing. */
export function runIdsFrom(args: readonly unknown[]): string[] {
  const [first, selection] = args;
  const nodes: readonly unknown[] = Array.isArray(selection) && selection.length > 0 ? selection : [first];
  return nodes.map(idOf).filter(id => id !== undefined);
}

function idOf(target: unknown): string | undefined {
  if (typeof target === 'string') return target;
  if (typeof target !== 'object' || target === null || !('kind' in target)) return undefined;
  const node = target as RunsNode;
  if (node.kind === 'run') return node.run.id;
  return node.kind === 'broken' ? node.broken.id : undefined;
}

/** Asks for a run if the command does not name one. `undefined` if the person cancelled. */
export async function chooseRun(
  store: RunStore,
  args: readonly unknown[],
  options: { readonly title: string; readonly fits?: (run: RunEntry) => boolean; readonly none: string },
): Promise<string | undefined> {
  const named = runIdsFrom(args).at(0);
  if (named !== undefined) return named;
  const runs = store.runs.filter(run => options.fits?.(run) ?? true);
  if (runs.length === 0) throw problem('run.none', options.none, vscode.l10n.t('Run a config first.'));
  if (runs.length === 1) return runs[0].id;
  const items = runs.map(run => ({
    label: run.summary.name,
    description: stateLabels()[run.summary.state],
    detail: new Date(run.summary.createdAt).toLocaleString(vscode.env.language),
    id: run.id,
  }));
  const picked = await vscode.window.showQuickPick(items, { title: options.title, matchOnDetail: true });
  return picked?.id;
}
