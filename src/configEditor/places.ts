import * as vscode from 'vscode';
import type { FileFact } from '../common/config/facts';
import { parentOf, resolvePlace, type Place } from '../models/places';
import { resolveModelPlace } from '../models/resolve';

export interface PlaceOptions {
  readonly key: FileFact['key'];
  readonly configUri: vscode.Uri;
  readonly extensionUri: vscode.Uri;
}

/** Where a path in a config leads. Throws a problem for unknown built-in models and for paths that may not be followed. */
export function placeOf(path: string, { key, configUri, extensionUri }: PlaceOptions): Place {
  const base = configFolder(configUri);
  const workspaceFolder = vscode.workspace.getWorkspaceFolder(base)?.uri ?? base;
  if (key === 'model') return resolveModelPlace(path, { extensionUri, base, workspaceFolder });
  return resolvePlace(base, path, workspaceFolder);
}

/** The folder paths are relative to; an unsaved config counts as lying in the first workspace folder. */
export function configFolder(configUri: vscode.Uri): vscode.Uri {
  const first = vscode.workspace.workspaceFolders?.[0]?.uri;
  return configUri.scheme === 'untitled' && first !== undefined ? first : parentOf(configUri);
}
