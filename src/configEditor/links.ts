import * as vscode from 'vscode';
import { namedPaths } from '../common/config/completion';
import type { FileFact } from '../common/config/facts';
import { valueAt } from '../common/config/issues';
import { pathText, type ConfigPath } from '../common/config/range';
import type { ConfigAnalysis } from './analysis';
import { placeOf } from './places';
import { toRange } from './ranges';
import { configSelector } from './selector';

/** The file of a folder that a link opens. */
const folderFiles: Partial<Record<FileFact['key'], string>> = {
  model: 'config.json',
  'method.adapter': 'adapter_config.json',
};

/** Makes the paths of a config clickable. */
export function registerLinks(analysis: ConfigAnalysis, extensionUri: vscode.Uri): vscode.Disposable {
  return vscode.languages.registerDocumentLinkProvider(configSelector, {
    provideDocumentLinks: document =>
      namedPaths().flatMap(({ path }) => linkAt(document, { path, analysis, extensionUri })),
  });
}

interface LinkOptions {
  readonly path: ConfigPath;
  readonly analysis: ConfigAnalysis;
  readonly extensionUri: vscode.Uri;
}

function linkAt(document: vscode.TextDocument, { path, analysis, extensionUri }: LinkOptions): vscode.DocumentLink[] {
  const parsed = analysis.parsed(document);
  const range = parsed.locate(path);
  const value = valueAt(parsed.raw, path);
  const key = pathText(path) as FileFact['key'];
  const isMissing = analysis.facts(document).files?.some(file => file.key === key && file.state === 'missing') ?? false;
  if (range === undefined || typeof value !== 'string' || isMissing) return [];
  const target = targetOf(value, { key, configUri: document.uri, extensionUri });
  return target === undefined ? [] : [new vscode.DocumentLink(toRange(document, range), target)];
}

function targetOf(value: string, options: Parameters<typeof placeOf>[1]): vscode.Uri | undefined {
  try {
    const { uri } = placeOf(value, options);
    const file = folderFiles[options.key];
    return file === undefined ? uri : vscode.Uri.joinPath(uri, file);
  } catch {
    // A path that leads nowhere is a finding of the rules, not a link.
    return undefined;
  }
}
