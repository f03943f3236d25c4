import * as vscode from 'vscode';
import { disableEdit } from '../common/config/disable';
import { difference, fixEdits } from '../common/config/fix';
import { fixAll, type Diagnosis } from '../common/config/lint';
import type { ConfigAnalysis } from './analysis';
import { diagnosticSource } from './diagnostics';
import { toRange, toWorkspaceEdit } from './ranges';
import { explainRuleCommand } from './ruleDocs';
import { configSelector, isJson } from './selector';

const fixAllKind = vscode.CodeActionKind.SourceFixAll.append('peft');

export function registerCodeActions(analysis: ConfigAnalysis): vscode.Disposable {
  return vscode.languages.registerCodeActionsProvider(configSelector, new ConfigActions(analysis), {
    providedCodeActionKinds: [vscode.CodeActionKind.QuickFix, fixAllKind],
  });
}

class ConfigActions implements vscode.CodeActionProvider {
  constructor(private readonly analysis: ConfigAnalysis) {}

  provideCodeActions(
    document: vscode.TextDocument,
    range: vscode.Range,
    context: vscode.CodeActionContext,
  ): vscode.CodeAction[] {
    const all = this.analysis.diagnoses(document);
    const here = all.filter(({ range: place }) => toRange(document, place).intersection(range) !== undefined);
    const actions = here.flatMap(diagnosis => this.actionsFor(document, diagnosis, context));
    const canFix = all.some(({ fixes }) => fixes.some(fix => fix.preferred === true));
    return canFix ? [...actions, this.fixEverything(document, context)] : actions;
  }

  private actionsFor(
    document: vscode.TextDocument,
    diagnosis: Diagnosis,
    { diagnostics }: vscode.CodeActionContext,
  ): vscode.CodeAction[] {
    const shown = diagnostics.filter(one => one.source === diagnosticSource && codeOf(one) === diagnosis.code);
    const fixes = diagnosis.fixes.map(fix => {
      const action = new vscode.CodeAction(fix.title, vscode.CodeActionKind.QuickFix);
      action.edit = toWorkspaceEdit(document, fixEdits(document.getText(), fix));
      action.isPreferred = fix.preferred === true;
      action.diagnostics = shown;
      return action;
    });
    if (!diagnosis.fromRule) return fixes;
    const fit = aboutBudget.has(diagnosis.code) ? [fitAction(document, shown)] : [];
    return [...fixes, ...fit, ...ruleActions(document, diagnosis, shown)];
  }

  private fixEverything(document: vscode.TextDocument, { only }: vscode.CodeActionContext): vscode.CodeAction {
    const kind = only !== undefined && fixAllKind.contains(only) ? only : fixAllKind;
    const isSource = only !== undefined && vscode.CodeActionKind.Source.contains(only);
    const title = vscode.l10n.t('Fix all problems of this config that can be fixed');
    const action = new vscode.CodeAction(title, isSource ? kind : vscode.CodeActionKind.QuickFix);
    const text = document.getText();
    action.edit = toWorkspaceEdit(document, difference(text, fixAll(text, this.analysis.facts(document))));
    return action;
  }
}

/** Rules that hold a run against its budget. */
const aboutBudget: ReadonlySet<string> = new Set(['M05', 'M15']);

/** Looks for the cheapest set of changes when it is chosen: that takes too long for a menu. */
function fitAction({ uri }: vscode.TextDocument, diagnostics: vscode.Diagnostic[]): vscode.CodeAction {
  const title = vscode.l10n.t('Fit to Budget: the cheapest changes together');
  const action = new vscode.CodeAction(title, vscode.CodeActionKind.QuickFix);
  action.command = { command: 'peft.fitToBudget', title, arguments: [uri] };
  action.diagnostics = diagnostics;
  return action;
}

function ruleActions(
  document: vscode.TextDocument,
  { code, range }: Diagnosis,
  diagnostics: vscode.Diagnostic[],
): vscode.CodeAction[] {
  const explain = new vscode.CodeAction(vscode.l10n.t('Explain {0}', code), vscode.CodeActionKind.QuickFix);
  explain.command = { command: explainRuleCommand, title: explain.title, arguments: [code] };
  explain.diagnostics = diagnostics;
  if (isJson(document)) return [explain];
  const disable = new vscode.CodeAction(
    vscode.l10n.t('Disable {0} on this line', code),
    vscode.CodeActionKind.QuickFix,
  );
  const { at, newText } = disableEdit(document.getText(), code, range.start);
  disable.edit = toWorkspaceEdit(document, [{ range: { start: at, end: at }, newText }]);
  disable.diagnostics = diagnostics;
  return [disable, explain];
}

function codeOf({ code }: vscode.Diagnostic): string {
  return String(typeof code === 'object' ? code.value : code);
}
