import * as vscode from 'vscode';
import { problem } from '../common/errors';
import type { RunEntry } from '../runs/store';
import { parseWeights } from './adapterWeights';
import { runTarget, type GenerationTarget } from './generateTarget';
import type { Services } from './services';

type Needs = Pick<Services, 'store' | 'engine' | 'extensionUri'>;

/** Methods whose adapters are LoRA adapters in the end, so that their updates add up. */
const additive: readonly string[] = ['lora', 'adalora', 'weightlora'];

/** Runs of which some can be combined: those whose adapters add up. */
export function combinable(runs: readonly RunEntry[]): readonly RunEntry[] {
  return runs.filter(({ summary }) => additive.includes(summary.method));
}

/** Asks for several runs and a weight for each. `undefined` if the person cancelled. */
export async function askSeveral(services: Needs, runs: readonly RunEntry[]): Promise<GenerationTarget | undefined> {
  const items = combinable(runs).map(run => ({ label: run.summary.name, description: run.summary.method, run }));
  const picked = await vscode.window.showQuickPick(items, {
    title: vscode.l10n.t('Combine which adapters?'),
    placeHolder: vscode.l10n.t('LoRA adapters of one base model; their updates add up'),
    canPickMany: true,
  });
  if (!picked || picked.length === 0) return undefined;
  const names = picked.map(({ label }) => label).join(', ');
  const text = await vscode.window.showInputBox({
    title: vscode.l10n.t('Weights of {0}', names),
    prompt: vscode.l10n.t('One number for each adapter, in this order; 1 is as it was trained.'),
    value: picked.map(() => 1).join(', '),
    ignoreFocusOut: true,
    validateInput: value =>
      parseWeights(value, picked.length) ? undefined : vscode.l10n.t('{0} numbers are needed.', picked.length),
  });
  const weights = text === undefined ? undefined : parseWeights(text, picked.length);
  return (
    weights &&
    combine(
      services,
      picked.map(({ run }, index) => ({ run, weight: weights[index] })),
    )
  );
}

/**
 * The adapters of several runs at work together on their base model. Throws `generate.bases` for runs of different
 * models; adapters that cannot be added are refused by the engine.
 */
export async function combine(
  services: Needs,
  chosen: readonly { readonly run: RunEntry; readonly weight: number }[],
): Promise<GenerationTarget> {
  const views = await Promise.all(chosen.map(({ run }) => services.store.view(run.id)));
  const other = views.find(({ manifest }) => manifest.model.fingerprint !== views[0].manifest.model.fingerprint);
  if (other)
    throw problem(
      'generate.bases',
      vscode.l10n.t('{0} and {1} have different base models.', views[0].manifest.name, other.manifest.name),
      vscode.l10n.t('Choose adapters that were trained on the same model.'),
    );
  const targets = await Promise.all(chosen.map(({ run }) => runTarget(services, run)));
  const adapters = targets.flatMap((target, index) =>
    target.adapters.map(adapter => ({ ...adapter, weight: chosen[index].weight })),
  );
  const label = targets.map((target, index) => `${chosen[index].weight} × ${target.label}`).join(' + ');
  return { ...targets[0], label, adapters };
}
