import * as vscode from 'vscode';
import { allRules } from '../common/config/rules/all';

const ids = new Set(allRules.map(rule => rule.id));

/** Where a rule is explained; undefined for codes that are not rules. */
export function ruleUri(id: string, extensionUri: vscode.Uri): vscode.Uri | undefined {
  return ids.has(id) ? vscode.Uri.joinPath(extensionUri, 'docs', 'lint-rules.md').with({ fragment: id }) : undefined;
}

export const explainRuleCommand = 'peft.explainRule';

/** The command behind "Explain R07": shows the rule's section as a page. */
export function registerRuleDocs(extensionUri: vscode.Uri): vscode.Disposable {
  return vscode.commands.registerCommand(explainRuleCommand, async (id: unknown) => {
    const uri = typeof id === 'string' ? ruleUri(id, extensionUri) : undefined;
    if (uri !== undefined) await vscode.commands.executeCommand('markdown.showPreview', uri);
  });
}
