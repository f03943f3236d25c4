import * as vscode from 'vscode';
import type { TextEdit } from '../common/config/edits';
import type { TextRange } from '../common/config/range';

/** A range of offsets as lines and columns; `document` is anything that can convert. */
export function toRange(document: vscode.TextDocument, range: TextRange): vscode.Range {
  return new vscode.Range(document.positionAt(range.start), document.positionAt(range.end));
}

export function toTextEdits(document: vscode.TextDocument, edits: readonly TextEdit[]): vscode.TextEdit[] {
  return edits.map(({ range, newText }) => vscode.TextEdit.replace(toRange(document, range), newText));
}

export function toWorkspaceEdit(document: vscode.TextDocument, edits: readonly TextEdit[]): vscode.WorkspaceEdit {
  const workspaceEdit = new vscode.WorkspaceEdit();
  workspaceEdit.set(document.uri, toTextEdits(document, edits));
  return workspaceEdit;
}
