import * as vscode from 'vscode';
import { workspaceFiles } from '../runs/workspaceFiles';

/** The example's files; listed here because a web extension cannot list its own folder. */
const exampleFiles = [
  'lora.peft.yaml',
  'full.peft.yaml',
  'README.md',
  'data/devil.train.jsonl',
  'data/devil.eval.jsonl',
] as const;

/** `Open Example`: copies the Devil's Dictionary example into a new folder and opens its LoRA config. */
export async function openExample(extensionUri: vscode.Uri): Promise<void> {
  const workspace = vscode.workspace.workspaceFolders?.[0]?.uri;
  const parent = workspace ?? (await chooseFolder());
  if (!parent) return;
  const target = await freeFolder(parent, 'devil');
  const from = workspaceFiles(vscode.Uri.joinPath(extensionUri, 'media', 'examples', 'devil'));
  const to = workspaceFiles(target);
  for (const name of exampleFiles) await to.write(name, await from.read(name));
  if (workspace) await vscode.window.showTextDocument(vscode.Uri.joinPath(target, exampleFiles[0]));
  else await vscode.commands.executeCommand('vscode.openFolder', target);
}

async function chooseFolder(): Promise<vscode.Uri | undefined> {
  const chosen = await vscode.window.showOpenDialog({
    title: vscode.l10n.t('Put the example into which folder?'),
    openLabel: vscode.l10n.t('Create Example Here'),
    canSelectFiles: false,
    canSelectFolders: true,
  });
  return chosen?.[0];
}

/** `name`, or `name-2` and so on if that is taken: an example never overwrites anything. */
async function freeFolder(parent: vscode.Uri, name: string): Promise<vscode.Uri> {
  const files = workspaceFiles(parent);
  for (let count = 1; ; count++) {
    const candidate = count === 1 ? name : `${name}-${count}`;
    if (!(await files.stat(candidate))) return vscode.Uri.joinPath(parent, candidate);
  }
}
