import * as vscode from 'vscode';
import { problem } from '../common/errors';
import { mergeFolder } from '../models/mergeFolder';
import { isInside, parentOf } from '../models/places';
import { decodeText } from '../runs/files';
import { workspaceFiles } from '../runs/workspaceFiles';
import { openMerge } from '../../webview/engine/merge';
import { chooseOptions, type MergeOptions } from './mergeOptions';
import { adapterToMerge, baseFolder, type AdapterToMerge } from './mergeSource';
import type { Services } from './services';

/** What a caller may decide beforehand; the person is asked for the rest. */
export interface MergeAnswers extends Partial<MergeOptions> {
  /** Folder of the merged model. */
  readonly out?: vscode.Uri;
}

/**
 * `Merge…`: makes the adapter of a run or of a folder part of its base model, and writes that as a Hugging Face folder. It
 * runs where the files are, without a GPU. Answers the folder, `undefined` if the person cancelled.
 */
export async function mergeAdapter(services: Services, args: readonly unknown[]): Promise<vscode.Uri | undefined> {
  const answers = (args[1] ?? {}) as MergeAnswers;
  const adapter = await adapterToMerge(services, args);
  const base = adapter && (await baseFolder(services, adapter));
  if (!base) return undefined;
  const config = decodeText(await workspaceFiles(base.uri).read('config.json'));
  const options = await chooseOptions(adapter.memory, config, answers);
  const out = options && (answers.out ?? (await chooseOut(adapter)));
  if (!out || !(await mayWrite(out, base.uri))) return undefined;
  const merger = openMerge({ config, label: base.label, adapter: adapter.files, memory: adapter.memory, ...options });
  const title = vscode.l10n.t('Merging {0} into {1}', adapter.name, base.label);
  const done = await whileShown(title, progress =>
    mergeFolder({
      source: workspaceFiles(base.uri),
      label: base.label,
      target: workspaceFiles(parentOf(out)),
      name: nameOf(out),
      merger,
      progress,
    }),
  );
  if (!done) return undefined;
  offerToReveal(out);
  return out;
}

async function chooseOut({ name }: AdapterToMerge): Promise<vscode.Uri | undefined> {
  const chosen = await vscode.window.showOpenDialog({
    title: vscode.l10n.t('Put the merged model into which folder?'),
    openLabel: vscode.l10n.t('Merge Here'),
    canSelectFiles: false,
    canSelectFolders: true,
    defaultUri: vscode.workspace.workspaceFolders?.[0]?.uri,
  });
  return chosen && vscode.Uri.joinPath(chosen[0], `${name.replace(/[^\w.-]+/g, '-')}-merged`);
}

/** Asks before a folder is replaced; the base model and what holds it are never replaced. */
async function mayWrite(out: vscode.Uri, base: vscode.Uri): Promise<boolean> {
  if (isInside(base, out))
    throw problem(
      'merge.overBase',
      vscode.l10n.t('{0} holds the base model.', out.path),
      vscode.l10n.t('Choose another folder.'),
    );
  if (!(await workspaceFiles(out).stat(''))) return true;
  const replace = vscode.l10n.t('Replace');
  const question = vscode.l10n.t('{0} exists already. Replace the whole folder?', out.path);
  return (await vscode.window.showWarningMessage(question, { modal: true }, replace)) === replace;
}

/** Runs with a notification that can be cancelled; answers whether the work came to its end. */
function whileShown(
  title: string,
  work: (progress: (done: number, total: number) => Promise<void>) => Promise<unknown>,
): Thenable<boolean> {
  const options = { location: vscode.ProgressLocation.Notification, title, cancellable: true };
  return vscode.window.withProgress(options, async (shown, token) => {
    const progress = async (done: number, total: number) => {
      shown.report({ increment: 100 / total, message: vscode.l10n.t('{0} of {1} weights', done, total) });
      // Between two weights the host does what else it has to do.
      await new Promise(resolve => setTimeout(resolve));
      if (token.isCancellationRequested) throw new vscode.CancellationError();
    };
    try {
      await work(progress);
      return true;
    } catch (error) {
      if (error instanceof vscode.CancellationError) return false;
      throw error;
    }
  });
}

function nameOf(uri: vscode.Uri): string {
  return uri.path.slice(uri.path.lastIndexOf('/') + 1);
}

/** Not awaited by the command: the folder is there whether or not the person answers. */
function offerToReveal(out: vscode.Uri): void {
  const reveal = vscode.l10n.t('Reveal');
  const message = vscode.l10n.t('The merged model is in {0}.', out.path);
  void vscode.window.showInformationMessage(message, reveal).then(answer => {
    if (answer === reveal) void vscode.commands.executeCommand('revealInExplorer', out);
  });
}
