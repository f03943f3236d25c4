import type * as vscode from 'vscode';

const pattern = '**/*.peft.{yaml,yml,json}';

/** Config files of any scheme: on disk, remote, virtual, untitled. */
export const configSelector: vscode.DocumentFilter = { pattern };

export function isConfig(document: vscode.TextDocument): boolean {
  return /\.peft\.(ya?ml|json)$/i.test(document.uri.path);
}

/** VS Code's own JSON support reads the contributed schema; what it already offers is not offered twice. */
export function isJson(document: vscode.TextDocument): boolean {
  return /\.json$/i.test(document.uri.path);
}
