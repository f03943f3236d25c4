import * as vscode from 'vscode';
import { problem } from '../common/errors';
import { joinPath } from '../runs/files';
import { readFileSet } from '../runs/fileSets';
import { workspaceFiles } from '../runs/workspaceFiles';
import type { Services } from './services';
import { chooseRun } from './targets';

/** `Export Adapter…`: copies a finished run's result, verified, into a folder of the person's choice. */
export async function exportAdapter({ store }: Services, args: readonly unknown[]): Promise<vscode.Uri | undefined> {
  const id = await chooseRun(store, args, {
    title: vscode.l10n.t('Export the adapter of which run?'),
    fits: run => run.summary.exported !== undefined,
    none: vscode.l10n.t('No run has a result yet.'),
  });
  if (id === undefined) return undefined;
  const view = await store.view(id);
  const entry = store.find(id);
  if (!entry || view.exported === undefined) {
    const hint = vscode.l10n.t('Let the run end, or stop it; both write the adapter.');
    throw problem('export.none', vscode.l10n.t('{0} has no result yet.', view.manifest.name), hint);
  }
  const folder = await chooseFolder();
  if (!folder) return undefined;
  const set = await readFileSet(entry.root.files, joinPath(entry.folder, view.exported));
  const target = vscode.Uri.joinPath(folder, `${view.manifest.name.replace(/[^\w.-]+/g, '-')}-adapter`);
  if (!(await mayReplace(target))) return undefined;
  const files = workspaceFiles(target);
  for (const [name, bytes] of Object.entries(set)) await files.write(name, bytes);
  offerToReveal(target, Object.keys(set).length);
  return target;
}

async function chooseFolder(): Promise<vscode.Uri | undefined> {
  const chosen = await vscode.window.showOpenDialog({
    title: vscode.l10n.t('Export the adapter into which folder?'),
    openLabel: vscode.l10n.t('Export Here'),
    canSelectFiles: false,
    canSelectFolders: true,
    defaultUri: vscode.workspace.workspaceFolders?.[0]?.uri,
  });
  return chosen?.[0];
}

async function mayReplace(target: vscode.Uri): Promise<boolean> {
  if (!(await workspaceFiles(target).stat(''))) return true;
  const replace = vscode.l10n.t('Replace');
  const question = vscode.l10n.t('{0} exists already. Replace the files of the same names?', target.path);
  return (await vscode.window.showWarningMessage(question, { modal: true }, replace)) === replace;
}

/** Not awaited by the command: the files are there whether or not the person answers. */
function offerToReveal(target: vscode.Uri, count: number): void {
  const reveal = vscode.l10n.t('Reveal');
  const message = vscode.l10n.t('Exported {0} files to {1}.', count, target.path);
  void vscode.window.showInformationMessage(message, reveal).then(answer => {
    if (answer === reveal) void vscode.commands.executeCommand('revealInExplorer', target);
  });
}
