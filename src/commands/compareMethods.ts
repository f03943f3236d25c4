import * as vscode from 'vscode';
import { choiceOf, methodChoices, type MethodChoice } from '../common/config/methodChoices';
import { methodChange, variantsOf, type Change } from '../common/comparison/variants';
import { mib } from '../common/config/rule';
import { parseConfig } from '../common/config/parse';
import { problem, toProblem } from '../common/errors';
import { firstError, openBase, type OpenBase } from '../comparison/base';
import type { WrittenComparison } from '../comparison/start';
import { assertTrusted } from '../runs/jobSource';
import { comparisonArguments, fairnessOf, type ComparisonArguments, type FairnessChoice } from './comparisonArguments';
import { methodLabels } from './methodLabels';
import { configUri } from './runConfig';
import type { Services } from './services';
import { askSeeds, startComparison } from './startComparison';
import { askSteps, pickStep, type Question, type StepAnswer } from './steps';

type Needs = Pick<Services, 'scheduler' | 'log' | 'facts' | 'comparisons'>;

interface Answers {
  readonly methods?: readonly MethodChoice[];
  readonly fairness?: FairnessChoice;
  readonly seeds?: number;
}

/**
 * `Compare Methods…`: writes and queues a config for each method and opens their page. Arguments answer questions
 * beforehand; see {@link comparisonArguments}. `undefined` if the person left.
 */
export async function compareMethods(
  services: Needs,
  args: readonly unknown[],
): Promise<WrittenComparison | undefined> {
  assertTrusted();
  const given = comparisonArguments(args);
  const base = await openBase(services.facts, given.base ?? (await configUri([])));
  const answers = await ask(base, given);
  if (answers === undefined) return undefined;
  const { methods = [], fairness = 'rate', seeds = 1 } = answers;
  const changes = methods.map(method => methodChange(base, method, fairnessOf(fairness)));
  const stem = stemOf(base);
  return startComparison(
    { ...services, show: uri => services.comparisons.show(uri) },
    {
      base,
      kind: 'methods',
      question: questionOf(fairness),
      name: given.name ?? `${stem}-methods`,
      changes,
      seeds,
    },
  );
}

/** The base config's file name without its ending. */
export function stemOf({ path }: Pick<OpenBase, 'path'>): string {
  return path.slice(path.lastIndexOf('/') + 1).replace(/\.peft\.(ya?ml|json)$/i, '');
}

async function ask(base: OpenBase, given: ComparisonArguments): Promise<Answers | undefined> {
  const title = vscode.l10n.t('Compare Methods of {0}', stemOf(base));
  const questions: Question<Answers>[] = [];
  if (given.methods === undefined) questions.push(askMethods(title, base));
  if (given.fairness === undefined) questions.push(askFairness(title));
  if (given.seeds === undefined) questions.push(askSeeds(title, ({ methods }) => methods?.length ?? 0));
  const { methods, fairness, seeds } = given;
  return askSteps<Answers>({ methods, fairness, seeds }, questions);
}

function askMethods(title: string, base: OpenBase): Question<Answers> {
  const own = choiceOf(base.config);
  const usual: readonly MethodChoice[] = [own, 'few-shot', 'full', 'lora'];
  const labels = methodLabels();
  return async (_, step, totalSteps): Promise<StepAnswer<Answers>> => {
    const tried = candidates(base).map(choice => ({ choice, ...trial(base, choice) }));
    const possible = tried.flatMap(({ choice, ...result }) => ('reason' in result ? [] : [{ choice, ...result }]));
    const refused = tried.flatMap(({ choice, ...result }) => ('reason' in result ? [{ choice, ...result }] : []));
    if (possible.length < 2) {
      throw problem('comparison.tooFew', refused[0]?.reason ?? '', vscode.l10n.t('Change the base config.'));
    }
    const kind = vscode.QuickPickItemKind.Separator;
    const items = [
      ...possible.map(({ choice, cost }) => ({
        label: labels[choice],
        description: cost,
        picked: usual.includes(choice),
        value: choice,
      })),
      ...refused.map(({ choice, reason }) => ({
        label: vscode.l10n.t('{0} is left out. {1}', labels[choice], reason),
        kind,
      })),
    ];
    const placeholder = vscode.l10n.t('Same data in the same order, same seed, same steps');
    const answer = await pickStep({ title, step, totalSteps, placeholder, items, many: true });
    return answer.kind === 'chosen' ? { kind: 'chosen', values: [{ methods: answer.values }] } : answer;
  };
}

/** On a quantized base LoRA is QLoRA. */
function candidates({ config }: OpenBase): readonly MethodChoice[] {
  const isPacked = config.memory.quantization !== 'none' && config.memory.quantization !== 'f16';
  return methodChoices.filter(choice => choice !== (isPacked ? 'lora' : undefined));
}

/** What the method would cost on this base, or why it cannot be had. */
function trial(base: OpenBase, choice: MethodChoice): { readonly cost: string } | { readonly reason: string } {
  try {
    const change: Change = methodChange(base, choice, { matchParameters: false, recommendedRate: false });
    const [{ text }] = variantsOf(base, change, [base.config.training.seed], { comparison: 'x', back: '', note: '' });
    const reason = firstError(text, base.facts);
    if (reason !== undefined) return { reason: reason.replace(/^line \d+: /, '') };
    const { value } = parseConfig(text);
    const planned = value && base.facts.forecast?.(value);
    if (planned === undefined || 'problem' in planned) return { cost: '' };
    return {
      cost: vscode.l10n.t(
        '{0} trainable, {1} MiB',
        planned.trainableParameters.toLocaleString('en'),
        mib(planned.total),
      ),
    };
  } catch (error) {
    return { reason: toProblem(error).message };
  }
}

function askFairness(title: string): Question<Answers> {
  const { t } = vscode.l10n;
  const items: readonly { label: string; detail: string; value: FairnessChoice }[] = [
    {
      value: 'rate',
      label: t('The recommended learning rate of each'),
      detail: t('One rate for all would favour the method it suits.'),
    },
    {
      value: 'rate+parameters',
      label: t('Recommended rates, and about as many trainable parameters as the base config'),
      detail: t('Rank, width or virtual tokens are chosen for it. Full fine-tuning has no size to choose.'),
    },
    {
      value: 'parameters',
      label: t('About as many trainable parameters, at the learning rate of the base config'),
      detail: t('Only where the rate is known to suit all of them.'),
    },
    {
      value: 'same',
      label: t('Nothing but the method changes'),
      detail: t('Usual sizes, the learning rate of the base config.'),
    },
  ];
  return async (_, step, totalSteps): Promise<StepAnswer<Answers>> => {
    const placeholder = t('What makes them comparable?');
    const answer = await pickStep({ title, step, totalSteps, placeholder, items });
    return answer.kind === 'chosen' ? { kind: 'chosen', values: [{ fairness: answer.values[0] }] } : answer;
  };
}

/** Stands in files and on the page, so it is not translated. */
function questionOf(fairness: FairnessChoice): string {
  const { recommendedRate, matchParameters } = fairnessOf(fairness);
  const sizes = matchParameters ? 'trainable parameters as near the base as each allows' : 'usual sizes';
  const rates = recommendedRate ? 'the recommended learning rate of each' : 'the learning rate of the base';
  return `Which method, with the same data, order, seeds and steps, ${sizes} and ${rates}?`;
}
