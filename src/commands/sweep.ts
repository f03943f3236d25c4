import * as vscode from 'vscode';
import { sweepChange, variantsOf } from '../common/comparison/variants';
import { keyAt } from '../common/config/keys';
import { numberText } from '../common/config/numberText';
import { problem } from '../common/errors';
import { firstError, openBase, type OpenBase } from '../comparison/base';
import type { WrittenComparison } from '../comparison/start';
import { assertTrusted } from '../runs/jobSource';
import { stemOf } from './compareMethods';
import { comparisonArguments, type ComparisonArguments } from './comparisonArguments';
import { configUri } from './runConfig';
import type { Services } from './services';
import { askSeeds, startComparison } from './startComparison';
import { askSteps, pickStep, textStep, type Question, type StepAnswer } from './steps';
import { currentValue, proposedValues, readValues, sweepableKeys } from './sweepValues';

type Needs = Pick<Services, 'scheduler' | 'log' | 'facts' | 'comparisons'>;

interface Answers {
  readonly key?: string;
  readonly values?: readonly unknown[];
  readonly seeds?: number;
}

/**
 * `Sweep…`: writes and queues the config once for each value of one key and opens their page. Arguments answer questions
 * beforehand; see {@link comparisonArguments}. `undefined` if the person left.
 */
export async function sweep(services: Needs, args: readonly unknown[]): Promise<WrittenComparison | undefined> {
  assertTrusted();
  const given = comparisonArguments(args);
  const base = await openBase(services.facts, given.base ?? (await configUri([])));
  const answers = await ask(base, given);
  if (answers?.key === undefined) return undefined;
  const { key, values = [], seeds = 1 } = answers;
  const wrong = problemOf(base, key, values);
  if (wrong !== undefined) {
    throw problem('comparison.sweep', wrong, vscode.l10n.t('Sweep at least two values that the key can have.'));
  }
  return startComparison(
    { ...services, show: uri => services.comparisons.show(uri) },
    {
      base,
      kind: 'sweep',
      key,
      question: `What does ${key} change, with everything else the same?`,
      name: given.name ?? `${stemOf(base)}-${key.slice(key.lastIndexOf('.') + 1)}`,
      changes: values.map(value => sweepChange(key, value)),
      seeds,
    },
  );
}

async function ask(base: OpenBase, given: ComparisonArguments): Promise<Answers | undefined> {
  const title = vscode.l10n.t('Sweep of {0}', stemOf(base));
  const questions: Question<Answers>[] = [];
  if (given.key === undefined) questions.push(askKey(title, base));
  if (given.values === undefined) questions.push(askValues(title, base));
  if (given.seeds === undefined) questions.push(askSeeds(title, ({ values }) => values?.length ?? 0));
  const { key, values, seeds } = given;
  return askSteps<Answers>({ key, values, seeds }, questions);
}

function askKey(title: string, base: OpenBase): Question<Answers> {
  return async (_, step, totalSteps): Promise<StepAnswer<Answers>> => {
    const items = sweepableKeys(base.config).map(key => ({
      label: key,
      description: textOf(currentValue(base.config, key)),
      detail: keyAt(key.split('.'), base.config.method.type)?.description,
      value: key,
    }));
    const placeholder = vscode.l10n.t('Which key?');
    const answer = await pickStep({ title, step, totalSteps, placeholder, items });
    return answer.kind === 'chosen' ? { kind: 'chosen', values: [{ key: answer.values[0] }] } : answer;
  };
}

function askValues(title: string, base: OpenBase): Question<Answers> {
  return async ({ key = '' }, step, totalSteps): Promise<StepAnswer<Answers>> => {
    const answer = await textStep({
      title,
      step,
      totalSteps,
      prompt: vscode.l10n.t('Values of {0}, separated by commas', key),
      value: proposedValues(base.config, key).map(textOf).join(', '),
      validate: text => problemOf(base, key, readValues(text)),
    });
    if (answer.kind !== 'chosen') return answer;
    return { kind: 'chosen', values: [{ values: readValues(answer.values[0]) }] };
  };
}

/** Why these values cannot be swept; the first that the config does not take. */
function problemOf(base: OpenBase, key: string, values: readonly unknown[]): string | undefined {
  if (key === 'training.seed') return vscode.l10n.t('Seeds are asked for in the last step.');
  if (keyAt(key.split('.'), base.config.method.type) === undefined) return vscode.l10n.t('{0} is not a key.', key);
  if (new Set(values.map(textOf)).size < 2) return vscode.l10n.t('Two different values at least.');
  for (const value of values) {
    const place = { comparison: 'x', back: '', note: '' };
    const [{ text }] = variantsOf(base, sweepChange(key, value), [base.config.training.seed], place);
    const error = firstError(text, base.facts);
    if (error !== undefined) return `${textOf(value)}: ${error.replace(/^line \d+: /, '')}`;
  }
  return undefined;
}

function textOf(value: unknown): string {
  if (typeof value === 'number') return numberText(value);
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}
