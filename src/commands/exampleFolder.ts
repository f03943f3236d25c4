import * as vscode from 'vscode';
import { workspaceFiles } from '../runs/workspaceFiles';

/** Where an example goes: the open folder, or one that is asked for and opened afterwards. */
export interface ExamplePlace {
  readonly folder: vscode.Uri;
  readonly open: boolean;
}

/** The first workspace folder, else a folder the person chooses; undefined when nothing was chosen. */
export async function examplePlace(): Promise<ExamplePlace | undefined> {
  const workspace = vscode.workspace.workspaceFolders?.[0]?.uri;
  if (workspace) return { folder: workspace, open: true };
  const chosen = await vscode.window.showOpenDialog({
    title: vscode.l10n.t('Put the example into which folder?'),
    openLabel: vscode.l10n.t('Create Example Here'),
    canSelectFiles: false,
    canSelectFolders: true,
  });
  return chosen && { folder: chosen[0], open: false };
}

/** Copies the files that `to` does not have yet; what is there stays as it is. */
export async function copyMissing(from: vscode.Uri, to: vscode.Uri, names: readonly string[]): Promise<void> {
  const [source, target] = [workspaceFiles(from), workspaceFiles(to)];
  for (const name of names) if (!(await target.stat(name))) await target.write(name, await source.read(name));
}

/** `name`, or `name-2` and so on if that is taken: an example never overwrites anything. */
export async function freeFolder(parent: vscode.Uri, name: string): Promise<vscode.Uri> {
  const files = workspaceFiles(parent);
  for (let count = 1; ; count++) {
    const candidate = count === 1 ? name : `${name}-${count}`;
    if (!(await files.stat(candidate))) return vscode.Uri.joinPath(parent, candidate);
  }
}
