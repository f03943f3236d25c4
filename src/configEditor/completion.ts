import * as vscode from 'vscode';
import { completionsAt, type Completion, type Completions } from '../common/config/completion';
import type { ConfigAnalysis } from './analysis';
import { configFolder } from './places';
import { toRange } from './ranges';
import { configSelector, isJson } from './selector';

const kinds: Readonly<Record<Completion['kind'], vscode.CompletionItemKind>> = {
  key: vscode.CompletionItemKind.Property,
  value: vscode.CompletionItemKind.Value,
  module: vscode.CompletionItemKind.Module,
  rule: vscode.CompletionItemKind.Reference,
};

export function registerCompletion(analysis: ConfigAnalysis): vscode.Disposable {
  const provider: vscode.CompletionItemProvider = {
    provideCompletionItems: async (document, position) => {
      const { model } = analysis.facts(document);
      const found = completionsAt(document.getText(), document.offsetAt(position), model);
      // Keys and values of JSON files come from the contributed schema.
      const own = isJson(document) ? found.items.filter(({ kind }) => kind === 'module') : found.items;
      const paths = await pathItems(document, position, found.wantsPath);
      return [...own.map((item, index) => toItem(document, item, index)), ...paths];
    },
  };
  return vscode.languages.registerCompletionItemProvider(configSelector, provider, ':', ' ', '"', '/', ',', '[', '-');
}

function toItem(document: vscode.TextDocument, completion: Completion, index: number): vscode.CompletionItem {
  const item = new vscode.CompletionItem(completion.label, kinds[completion.kind]);
  item.detail = completion.detail;
  item.documentation = completion.documentation && new vscode.MarkdownString(completion.documentation);
  item.insertText = new vscode.SnippetString(completion.insertText);
  item.range = toRange(document, completion.range);
  item.filterText = completion.insertText.startsWith('"') ? `"${completion.label}"` : completion.label;
  item.sortText = String(index).padStart(3, '0');
  return item;
}

/** Entries of the folder typed so far: data files for files, folders for models and adapters. */
async function pathItems(
  document: vscode.TextDocument,
  position: vscode.Position,
  wants: Completions['wantsPath'],
): Promise<vscode.CompletionItem[]> {
  if (wants === undefined) return [];
  const start = document.positionAt(wants.range.start);
  const typed = document.getText(new vscode.Range(start, position)).replace(/^["']/, '');
  const folder = typed.slice(0, typed.lastIndexOf('/') + 1);
  const entries = await listFolder(vscode.Uri.joinPath(configFolder(document.uri), folder));
  const fitting = entries.filter(([name, type]) => fits(name, type, wants.kind));
  return fitting.map(([name, type]) => {
    const isFolder = (type & vscode.FileType.Directory) !== 0;
    const path = `${folder}${name}`;
    const item = new vscode.CompletionItem(
      path,
      isFolder ? vscode.CompletionItemKind.Folder : vscode.CompletionItemKind.File,
    );
    item.insertText = wants.quote ? JSON.stringify(path) : path;
    item.filterText = item.insertText;
    item.range = toRange(document, wants.range);
    item.sortText = `1${path}`;
    return item;
  });
}

function fits(name: string, type: vscode.FileType, kind: 'file' | 'folder'): boolean {
  if (name.startsWith('.') || name === 'node_modules') return false;
  if ((type & vscode.FileType.Directory) !== 0) return true;
  return kind === 'file' && /\.jsonl?$/i.test(name);
}

async function listFolder(uri: vscode.Uri): Promise<[string, vscode.FileType][]> {
  try {
    return await vscode.workspace.fs.readDirectory(uri);
  } catch {
    return [];
  }
}
