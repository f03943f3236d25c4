import * as vscode from 'vscode';
import type { Diagnosis } from '../common/config/lint';
import type { Severity } from '../common/config/rule';
import type { ConfigAnalysis } from './analysis';
import { toRange } from './ranges';
import { ruleUri } from './ruleDocs';

export const diagnosticSource = 'PEFT';

const severities: Readonly<Record<Severity, vscode.DiagnosticSeverity>> = {
  error: vscode.DiagnosticSeverity.Error,
  warning: vscode.DiagnosticSeverity.Warning,
  info: vscode.DiagnosticSeverity.Information,
};

/** Keeps the problems view in step with every open config. */
export function registerDiagnostics(analysis: ConfigAnalysis, extensionUri: vscode.Uri): vscode.Disposable {
  const collection = vscode.languages.createDiagnosticCollection('peft');
  return vscode.Disposable.from(
    collection,
    analysis.onDidChange(document => {
      if (document.isClosed) return;
      const shown = analysis.diagnoses(document).map(diagnosis => toDiagnostic(document, diagnosis, extensionUri));
      collection.set(document.uri, shown);
    }),
    vscode.workspace.onDidCloseTextDocument(document => collection.delete(document.uri)),
  );
}

function toDiagnostic(
  document: vscode.TextDocument,
  diagnosis: Diagnosis,
  extensionUri: vscode.Uri,
): vscode.Diagnostic {
  const text = `${diagnosis.message} ${diagnosis.hint}`.trim();
  const diagnostic = new vscode.Diagnostic(toRange(document, diagnosis.range), text, severities[diagnosis.severity]);
  diagnostic.source = diagnosticSource;
  const target = ruleUri(diagnosis.code, extensionUri);
  diagnostic.code = target === undefined ? diagnosis.code : { value: diagnosis.code, target };
  return diagnostic;
}
