import * as vscode from 'vscode';
import { problem, type ProblemError } from '../common/errors';
import type { FileEntry, FileStat, Files } from './files';

/** Files under `root` on any file system that VS Code knows: local, remote or virtual. */
export function workspaceFiles(root: vscode.Uri): Files {
  const at = (path: string) => (path === '' ? root : vscode.Uri.joinPath(root, path));
  const { fs } = vscode.workspace;
  return {
    read: path => guard(path, async () => plainBytes(await fs.readFile(at(path)))),
    write: (path, bytes) => guard(path, () => fs.writeFile(at(path), bytes)),
    rename: (from, to) => guard(from, () => fs.rename(at(from), at(to), { overwrite: true })),
    remove: (path, options) => guard(path, () => removeAt(at(path), options?.trash === true)),
    list: path => guard(path, () => listAt(at(path))),
    stat: path => guard(path, () => statAt(at(path))),
  };
}

/**
 * Exactly these bytes as a plain `Uint8Array`: a message to a page carries the whole buffer behind a view, and node's
 * own class of bytes would arrive there as JSON.
 */
function plainBytes(bytes: Uint8Array): Uint8Array {
  const whole = bytes.byteOffset === 0 && bytes.byteLength === bytes.buffer.byteLength;
  return whole && Object.getPrototypeOf(bytes) === Uint8Array.prototype ? bytes : new Uint8Array(bytes);
}

async function removeAt(uri: vscode.Uri, useTrash: boolean): Promise<void> {
  try {
    await vscode.workspace.fs.delete(uri, { recursive: true, useTrash });
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

async function listAt(uri: vscode.Uri): Promise<FileEntry[]> {
  try {
    const entries = await vscode.workspace.fs.readDirectory(uri);
    return entries.map(([name, type]) => ({ name, folder: (type & vscode.FileType.Directory) !== 0 }));
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

async function statAt(uri: vscode.Uri): Promise<FileStat | undefined> {
  try {
    const { type, size } = await vscode.workspace.fs.stat(uri);
    return { folder: (type & vscode.FileType.Directory) !== 0, size };
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof vscode.FileSystemError && error.code === 'FileNotFound';
}

async function guard<T>(path: string, work: () => Thenable<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw explain(path, error);
  }
}

function explain(path: string, error: unknown): ProblemError {
  const text = error instanceof Error ? error.message : String(error);
  if (isMissing(error)) {
    return problem(
      'file.missing',
      `${path} does not exist.`,
      'Check the path; it is relative to the file that names it.',
    );
  }
  if (/ENOSPC|no space|quota/i.test(text)) {
    return problem(
      'disk.full',
      `${path} could not be written: the disk is full.`,
      'Free some space, then resume the run.',
    );
  }
  if (error instanceof vscode.FileSystemError && error.code === 'NoPermissions') {
    return problem(
      'file.denied',
      `${path} may not be read or written.`,
      'Check the permissions of the file and its folder.',
    );
  }
  return problem('file.failed', `${path}: ${text}`, 'Check that the disk or the remote connection works.');
}
