import * as vscode from 'vscode';
import { problem } from '../common/errors';
import { workspaceFiles } from '../runs/workspaceFiles';
import { isInside, resolvePlace, type Place } from './places';
import { readModelFolder, type ModelSource } from './modelFolder';

/** Models that ship with the extension: folder names under `media/models`. */
const builtins = ['tiny'];

export interface ModelPlaces {
  readonly extensionUri: vscode.Uri;
  /** Folder of the config that names the model. */
  readonly base: vscode.Uri;
  readonly workspaceFolder: vscode.Uri;
}

/** Finds the folder of `builtin:NAME` or of a path relative to the config. */
export function resolveModelPlace(model: string, places: ModelPlaces): Place {
  const name = /^builtin:(.*)$/.exec(model)?.[1];
  if (name === undefined) return resolvePlace(places.base, model, places.workspaceFolder);
  if (!builtins.includes(name)) {
    const known = builtins.map(one => `builtin:${one}`).join(', ');
    throw problem('model.unknownBuiltin', `There is no built-in model "${model}".`, `Built in: ${known}.`);
  }
  return { uri: vscode.Uri.joinPath(places.extensionUri, 'media', 'models', name) };
}

/** Lets the engine's page fetch files that are under its roots. */
export interface PageAddresses {
  readonly roots: readonly vscode.Uri[];
  asWebviewUri(uri: vscode.Uri): vscode.Uri;
}

/** Reads the model in `folder`; weights under the page's roots are fetched there, others are sent as bytes. */
export function readModel(label: string, folder: vscode.Uri, page: PageAddresses): Promise<ModelSource> {
  const reachable = page.roots.some(root => isInside(folder, root));
  const weightUri = reachable
    ? (name: string) => page.asWebviewUri(vscode.Uri.joinPath(folder, name)).toString()
    : undefined;
  return readModelFolder(workspaceFiles(folder), { label, weightUri });
}
