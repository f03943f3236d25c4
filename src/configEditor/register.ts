import * as vscode from 'vscode';
import { ConfigAnalysis } from './analysis';
import { registerCodeActions } from './codeActions';
import { registerCodeLens } from './codeLens';
import { registerCompletion } from './completion';
import { registerDiagnostics } from './diagnostics';
import type { FactSource } from './facts';
import { registerHover } from './hover';
import { registerInlayHints } from './inlayHints';
import { registerLinks } from './links';
import { registerRuleDocs } from './ruleDocs';

export interface ConfigEditorDeps {
  readonly extensionUri: vscode.Uri;
  readonly facts: FactSource;
}

/**
 * Everything the editor does for config files: problems with fixes, completion, hover, run lens, inlay hints, links.
 * Needs no trust and no node. The lens calls `peft.run` and `peft.queue` with the document's URI.
 */
export function registerConfigEditor({ extensionUri, facts }: ConfigEditorDeps): vscode.Disposable {
  const analysis = new ConfigAnalysis(facts);
  const registrations = [
    registerDiagnostics(analysis, extensionUri),
    registerCodeActions(analysis),
    registerCompletion(analysis),
    registerHover(analysis),
    registerCodeLens(analysis),
    registerInlayHints(analysis),
    registerLinks(analysis, extensionUri),
    registerRuleDocs(extensionUri),
  ];
  analysis.start();
  return vscode.Disposable.from(...registrations, analysis);
}
