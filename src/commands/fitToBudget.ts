import * as vscode from 'vscode';
import { fixEdits } from '../common/config/fix';
import { parseConfig } from '../common/config/parse';
import { lintContext, mib, type LintContext } from '../common/config/rule';
import { searchFit, type Fit } from '../common/config/savings/fit';
import { editsOf, lowerFirst } from '../common/config/savings/remedies';
import { effectText, type Weighed } from '../common/config/savings/weigh';
import { verdictOf } from '../common/config/verdict';
import { problem } from '../common/errors';
import { toWorkspaceEdit } from '../configEditor/ranges';
import { configUri } from './runConfig';
import type { Services } from './services';

/** `Fit to Budget`: applies the cheapest changes with which the run has room in `memory.budget_mib`, and says what they are. */
export async function fitToBudget({ facts }: Pick<Services, 'facts'>, args: readonly unknown[]): Promise<void> {
  const document = await vscode.workspace.openTextDocument(await configUri(args));
  const { version } = document;
  const text = document.getText();
  const context = await contextOf(facts, document);
  if (context === undefined) return;
  const fit = await searched(context);
  if (!('found' in fit)) return sayNothingFits(context, fit.nearest);
  const { savings } = fit.found;
  if (document.version !== version) {
    throw problem(
      'fit.changed',
      vscode.l10n.t('The config was edited meanwhile.'),
      vscode.l10n.t('Run "PEFT: Fit to Budget" again.'),
    );
  }
  await vscode.workspace.applyEdit(toWorkspaceEdit(document, fixEdits(text, { title: '', edits: editsOf(savings) })));
  const needed = mib(fit.found.forecast.total);
  const { budget_mib: budget } = context.config.memory;
  const done = vscode.l10n.t('The run now needs {0} of {1} MiB.', needed, budget ?? 0);
  void vscode.window.showInformationMessage(`${done} ${sentence(fit.found)}`);
}

/** What is known about the config; undefined where there is nothing to do, which is said. */
async function contextOf(facts: Services['facts'], document: vscode.TextDocument): Promise<LintContext | undefined> {
  const parsed = parseConfig(document.getText());
  const { value } = parsed;
  if (value === undefined) {
    const hint = vscode.l10n.t('Fix what the editor marks first.');
    throw problem('fit.errors', vscode.l10n.t('The config has errors.'), hint);
  }
  const known = await facts.facts(document.uri, value);
  const plan = known.forecast?.(value);
  if (plan === undefined) {
    const hint = vscode.l10n.t('Check the key model.');
    throw problem('fit.model', vscode.l10n.t('The model of this config cannot be read.'), hint);
  }
  const verdict = verdictOf(plan, value.memory);
  if (verdict.kind === 'open') {
    throw problem(
      'fit.noBudget',
      vscode.l10n.t('The config has no budget; the run needs {0} MiB.', mib(verdict.needed)),
      vscode.l10n.t('Set memory.budget_mib.'),
    );
  }
  if (verdict.kind === 'fits') {
    const message = vscode.l10n.t('The run fits: {0} of {1} MiB.', mib(verdict.needed), verdict.budget / 2 ** 20);
    void vscode.window.showInformationMessage(message);
    return undefined;
  }
  return lintContext(value, parsed, known);
}

/** Searches in small steps, so that the editor stays awake. */
function searched(context: LintContext): Thenable<Fit> {
  const title = vscode.l10n.t('Looking for the cheapest changes that fit');
  return vscode.window.withProgress({ location: vscode.ProgressLocation.Notification, title }, async () => {
    const search = searchFit(context);
    for (;;) {
      const step = search.next();
      if (step.done === true) return step.value;
      await new Promise(resolve => setTimeout(resolve, 0));
    }
  });
}

function sayNothingFits({ config }: LintContext, nearest: Weighed | undefined): void {
  const { budget_mib: budget = 0 } = config.memory;
  const message = vscode.l10n.t('Nothing brings this run into {0} MiB.', budget);
  const best = nearest
    ? vscode.l10n.t('The least it can need with this method is {0} MiB.', mib(nearest.forecast.total))
    : vscode.l10n.t('Choose a smaller model or another method.');
  const how = nearest ? ` ${sentence(nearest)}` : '';
  void vscode.window.showWarningMessage(`${message} ${best}${how}`);
}

/** `Enable block checkpointing and store the base as f16: −212 MiB, about +50 % time.` */
function sentence(weighed: Weighed): string {
  const titles = weighed.savings.map(({ title }, index) => (index === 0 ? title : lowerFirst(title)));
  return `${titles.join(', ')}: ${effectText(weighed)}.`;
}
