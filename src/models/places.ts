import * as vscode from 'vscode';
import { problem, type Problem } from '../common/errors';

/** Where something named in a config is. */
export interface Place {
  readonly uri: vscode.Uri;
  /** A reason to tell the person about it although it may be used. */
  readonly warning?: Problem;
}

/**
 * Resolves a path that a config names, relative to the config's folder.
 *
 * @throws `path.outside` if it leaves the workspace and the workspace is virtual or in a browser, where there is
 * nothing outside; on a disk it is allowed with a warning.
 */
export function resolvePlace(base: vscode.Uri, path: string, folder: vscode.Uri): Place {
  const uri = isAbsolute(path) ? folder.with({ path: slashes(path, true) }) : vscode.Uri.joinPath(base, slashes(path));
  if (isInside(uri, folder) || (vscode.workspace.workspaceFolders ?? []).some(one => isInside(uri, one.uri))) {
    return { uri };
  }
  const message = `"${path}" is outside the workspace folder ${folder.path}.`;
  if (folder.scheme !== 'file' && folder.scheme !== 'vscode-remote') {
    throw problem('path.outside', message, 'Move it into the workspace and name it by a relative path.');
  }
  const hint = 'The run cannot be repeated from this folder alone.';
  return { uri, warning: { code: 'path.outside', message, hint } };
}

/** The path of `uri` inside `folder`, or the whole path if it is elsewhere. */
export function relativePath(uri: vscode.Uri, folder: vscode.Uri): string {
  return isInside(uri, folder) ? uri.path.slice(withSlash(folder.path).length) : uri.path;
}

/** The folder that holds `uri`. */
export function parentOf(uri: vscode.Uri): vscode.Uri {
  return vscode.Uri.joinPath(uri, '..');
}

export function isInside(uri: vscode.Uri, folder: vscode.Uri): boolean {
  const same = uri.scheme === folder.scheme && uri.authority === folder.authority;
  return same && (uri.path === folder.path || uri.path.startsWith(withSlash(folder.path)));
}

function isAbsolute(path: string): boolean {
  return path.startsWith('/') || /^[a-z]:[\\/]/i.test(path) || path.startsWith('\\\\');
}

/** Windows separators become `/`; a drive letter gets the leading slash that URIs have. */
function slashes(path: string, absolute = false): string {
  const plain = path.replaceAll('\\', '/');
  return absolute && !plain.startsWith('/') ? `/${plain}` : plain;
}

function withSlash(path: string): string {
  return path.endsWith('/') ? path : `${path}/`;
}
