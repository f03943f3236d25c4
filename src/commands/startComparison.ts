import * as vscode from 'vscode';
import { writeComparison, type ComparisonPlan, type WrittenComparison } from '../comparison/start';
import { checkedConfig } from '../runs/job';
import { relativePath } from '../models/places';
import type { Services } from './services';
import type { Question, StepAnswer, StepItem } from './steps';
import { pickStep } from './steps';

type Needs = Pick<Services, 'scheduler' | 'log'>;

/** Writes a comparison, opens its page and queues its configs. Answers the address of `comparison.json`. */
export async function startComparison(
  services: Needs & { readonly show: (uri: vscode.Uri) => void },
  plan: ComparisonPlan,
): Promise<WrittenComparison> {
  const written = await writeComparison(plan);
  services.log.info(`comparison: ${written.uri.toString()}, ${written.configs.length} runs`);
  services.show(written.uri);
  await enqueueConfigs(services, written.configs);
  return written;
}

/** Queues config files as they are on disk, in this order; the first starts if the engine is free. */
export async function enqueueConfigs(
  { scheduler }: Pick<Services, 'scheduler'>,
  configs: readonly vscode.Uri[],
): Promise<void> {
  for (const uri of configs) {
    const folder = vscode.workspace.getWorkspaceFolder(uri)?.uri ?? vscode.Uri.joinPath(uri, '..');
    const configText = new TextDecoder().decode(await vscode.workspace.fs.readFile(uri));
    const configPath = relativePath(uri, folder);
    const { name } = checkedConfig(configText, configPath);
    const file = configPath.slice(configPath.lastIndexOf('/') + 1);
    const id = crypto.randomUUID();
    // Adding the first one waits until the engine has taken it; the others need not wait for that.
    const added = scheduler.add({
      folder: folder.toString(),
      configPath,
      configText,
      id,
      name: name ?? file,
      addedAt: Date.now(),
    });
    if (uri === configs.at(-1)) await added;
    else void added.catch(() => undefined);
  }
}

/** Asks how many seeds each variant gets. */
export function askSeeds<A extends { readonly seeds?: number }>(
  title: string,
  variants: (known: A) => number,
): Question<A> {
  return async (known, step, totalSteps): Promise<StepAnswer<Partial<A>>> => {
    const count = variants(known);
    const items: StepItem<number>[] = [
      { label: '1', value: 1, description: vscode.l10n.t('{0} runs; no interval', count) },
      { label: '3', value: 3, description: vscode.l10n.t('{0} runs; the least that gives an interval', 3 * count) },
      { label: '5', value: 5, description: vscode.l10n.t('{0} runs; a narrower interval', 5 * count) },
    ];
    const placeholder = vscode.l10n.t('Seeds of each');
    const answer = await pickStep({ title, step, totalSteps, placeholder, items });
    if (answer.kind !== 'chosen') return answer;
    return { kind: 'chosen', values: [{ seeds: answer.values[0] } as Partial<A>] };
  };
}
