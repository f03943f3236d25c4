import * as vscode from 'vscode';
import { mib } from '../common/config/rule';
import { verdictOf, type Verdict } from '../common/config/verdict';
import type { ConfigAnalysis } from './analysis';
import { configSelector } from './selector';

/** Between an icon and its text; VS Code drops an ordinary space there. */
const space = '\u00a0';

/**
 * `▶ Run · 312 of 1024 MiB` and `Queue` above the first line, or the number of errors where the config has any; beside them
 * the way out where the run needs more than its budget has room for. `Estimate Memory` above the memory section.
 */
export function registerCodeLens(analysis: ConfigAnalysis): vscode.Disposable {
  const changed = new vscode.EventEmitter<void>();
  const provider: vscode.CodeLensProvider = {
    onDidChangeCodeLenses: changed.event,
    provideCodeLenses: document => [...lenses(analysis, document), ...memoryLens(analysis, document)],
  };
  return vscode.Disposable.from(
    changed,
    analysis.onDidChange(() => changed.fire()),
    vscode.languages.registerCodeLensProvider(configSelector, provider),
  );
}

function lenses(analysis: ConfigAnalysis, document: vscode.TextDocument): vscode.CodeLens[] {
  const top = new vscode.Range(0, 0, 0, 0);
  const errors = analysis.diagnoses(document).filter(({ severity }) => severity === 'error').length;
  const lens = (title: string, command: string, args: unknown[] = [document.uri]) =>
    new vscode.CodeLens(top, { title, command, arguments: args });
  const verdict = verdictFor(analysis, document);
  const isTooMuch = verdict?.kind === 'over' || verdict?.kind === 'tight';
  const fit = isTooMuch ? [lens(`$(wand)${space}${vscode.l10n.t('Fit to Budget')}`, 'peft.fitToBudget')] : [];
  const memory = verdict && memoryText(verdict);
  if (errors > 0) {
    const title =
      errors === 1
        ? vscode.l10n.t('1 error to fix before this runs')
        : vscode.l10n.t('{0} errors to fix before this runs', errors);
    const shown = isTooMuch && memory !== undefined ? `${title} · ${memory}` : title;
    return [lens(`$(error)${space}${shown}`, 'workbench.actions.view.problems', []), ...fit];
  }
  const run = memory === undefined ? vscode.l10n.t('▶ Run') : vscode.l10n.t('▶ Run · {0}', memory);
  return [lens(run, 'peft.run'), lens(`$(add)${space}${vscode.l10n.t('Queue')}`, 'peft.queue'), ...fit];
}

/** Above the section, or beside the others where there is none yet. Errors hide it only where nothing can be planned. */
function memoryLens(analysis: ConfigAnalysis, document: vscode.TextDocument): vscode.CodeLens[] {
  const parsed = analysis.parsed(document);
  if (parsed.value === undefined) return [];
  const at = document.positionAt(parsed.locate(['memory'], 'key')?.start ?? 0);
  const title = vscode.l10n.t('Estimate Memory');
  return [
    new vscode.CodeLens(new vscode.Range(at, at), { title, command: 'peft.estimateMemory', arguments: [document.uri] }),
  ];
}

function verdictFor(analysis: ConfigAnalysis, document: vscode.TextDocument): Verdict | undefined {
  const { value } = analysis.parsed(document);
  const plan = value && analysis.facts(document).forecast?.(value);
  return plan && verdictOf(plan, value.memory);
}

function memoryText(verdict: Verdict): string | undefined {
  if (verdict.kind === 'refused') return undefined;
  const needed = mib(verdict.needed);
  if (verdict.kind === 'open') return vscode.l10n.t('{0} MiB', needed);
  return vscode.l10n.t('{0} of {1} MiB', needed, verdict.budget / 2 ** 20);
}
