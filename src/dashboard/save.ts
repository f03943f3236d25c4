import * as vscode from 'vscode';

/** Saves what a page rendered through a save dialog; answers `false` if the person cancelled. */
export async function saveFile(name: string, content: string | Uint8Array): Promise<boolean> {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  const safe = name.replace(/[^\w.-]+/g, '-');
  const uri = await vscode.window.showSaveDialog({
    defaultUri: folder ? vscode.Uri.joinPath(folder, safe) : undefined,
    filters: filtersFor(safe),
  });
  if (!uri) return false;
  await vscode.workspace.fs.writeFile(uri, typeof content === 'string' ? new TextEncoder().encode(content) : content);
  return true;
}

function filtersFor(name: string): Record<string, string[]> | undefined {
  const extension = /\.(\w+)$/.exec(name)?.[1];
  return extension === undefined ? undefined : { [extension.toUpperCase()]: [extension] };
}
