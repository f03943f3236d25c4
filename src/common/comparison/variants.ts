import { applyEdits, textEdits, type EditOp } from '../config/edits';
import type { ForecastFacts, LintFacts, ModelFacts } from '../config/facts';
import { parseConfig } from '../config/parse';
import { stepPlan } from '../config/plan';
import type { ConfigPath } from '../config/range';
import { recommendedRate } from '../config/recommendedRate';
import { runConfigSchema, type MethodConfig, type RunConfig } from '../config/schema';
import { problem } from '../errors';
import { nearestSize } from './matching';
import { choiceOf, resized, startingSection, type MethodChoice, type MethodSection } from '../config/methodChoices';

/** The config that a comparison starts from, and what is known about it. */
export interface BaseConfig {
  readonly text: string;
  readonly config: RunConfig;
  /** Optimizer steps; 0 if unknown. */
  readonly totalSteps: number;
  readonly model?: ModelFacts;
  /** The engine's own planner; needed for matched parameters. */
  readonly forecast?: (config: RunConfig) => Pick<ForecastFacts, 'trainableParameters'> | { readonly problem: unknown };
}

/** A base config with what the editor knows about it. */
export function baseAs(text: string, config: RunConfig, { data, model, forecast }: LintFacts): BaseConfig {
  const { totalSteps = 0 } = stepPlan(config, data?.train?.rows);
  return { text, config, totalSteps, model, forecast };
}

/** What is made equal beyond data order, seed and steps. */
export interface Fairness {
  /** Each method gets the size whose trainable parameters come nearest the base config's. */
  readonly matchParameters: boolean;
  /** Each method gets the learning rate recommended for it, instead of the base config's. */
  readonly recommendedRate: boolean;
}

/** One thing to compare, before seeds: what to change in the base config. */
export interface Change {
  readonly group: string;
  readonly edits: readonly EditOp[];
}

/** A config that stands beside the others. */
export interface Variant {
  readonly group: string;
  readonly seed: number;
  /** Name of the run, and of its file without the ending. */
  readonly name: string;
  readonly text: string;
}

/**
 * What turns the base config into the same run with another method. The base's own method stays as it is written, comments
 * included; another one gets {@link startingSection}. Matched parameters leave full fine-tuning and few-shot prompting as
 * they are: they have no size to choose. Virtual tokens always leave room for the longest row.
 *
 * @throws `comparison.noForecast` if parameters are to be matched and cannot be counted.
 */
export function methodChange(base: BaseConfig, choice: MethodChoice, fairness: Fairness): Change {
  const isOwn = choiceOf(base.config) === choice;
  const keepsSection = isOwn || (choice === 'qlora' && base.config.method.type === 'lora');
  const edits: EditOp[] = choice === 'qlora' && !isOwn ? [set(['memory', 'quantization'], 'nf4')] : [];
  let method: MethodConfig = base.config.method;
  if (!keepsSection) {
    const section = matched(base, startingSection(choice, base.totalSteps), fairness);
    edits.push(set(['method'], section));
    method = withMethod(base.config, section).method;
  }
  const rate = fairness.recommendedRate ? recommendedRate(method, base.model) : undefined;
  if (rate !== undefined) edits.push(set(['training', 'learning_rate'], rate));
  return { group: choice, edits };
}

/** What sets the value of one key, e.g. `method.r`; the group is the value as text. */
export function sweepChange(key: string, value: unknown): Change {
  return { group: typeof value === 'string' ? value : JSON.stringify(value), edits: [set(key.split('.'), value)] };
}

/** Where variants are written. */
export interface VariantPlace {
  /** Name of the comparison, which begins the names of its runs. */
  readonly comparison: string;
  /** Leads from the folder of the variants to that of the base config: `../../`. */
  readonly back: string;
  /** First line of each file, without `#`; left out of JSON. */
  readonly note: string;
}

/** The base config with `change`, once for each seed; relative paths still lead to the same files. */
export function variantsOf(base: BaseConfig, change: Change, seeds: readonly number[], place: VariantPlace): Variant[] {
  const shared = edited(base.text, [...moved(base.config, place.back), ...evaluated(base), ...change.edits]);
  const noted = /^\s*\{/.test(shared) ? shared : `# ${place.note}\n${shared}`;
  const stem = `${place.comparison}-${slug(change.group)}`;
  return seeds.map(seed => {
    const name = seeds.length === 1 ? stem : `${stem}-s${seed}`;
    const text = edited(noted, [set(['name'], name), set(['training', 'seed'], seed)]);
    return { group: change.group, seed, name, text };
  });
}

/** Without evaluations there is nothing to compare; a tenth of the run apart where the base config says nothing. */
function evaluated({ config, totalSteps }: BaseConfig): EditOp[] {
  if (config.training.eval_steps !== undefined || config.data.eval === undefined) return [];
  return [set(['training', 'eval_steps'], Math.max(1, Math.ceil((totalSteps || 500) / 10)))];
}

/** Paths that are relative to the config, as they are from one folder to another. */
function moved(config: RunConfig, back: string): EditOp[] {
  const written: readonly (readonly [ConfigPath, string | undefined])[] = [
    [['model'], config.model],
    [['data', 'train'], config.data.train],
    [['data', 'eval'], config.data.eval],
    [['method', 'adapter'], 'adapter' in config.method ? config.method.adapter : undefined],
  ];
  return written.flatMap(([path, value]) =>
    value === undefined || !isRelative(value) ? [] : [movedPath(path, value, back)],
  );
}

function movedPath(path: ConfigPath, value: string, back: string): EditOp {
  return set(path, `${back}${value.replaceAll('\\', '/').replace(/^(\.\/)+/, '')}`);
}

function isRelative(path: string): boolean {
  return !/^([a-z][a-z\d+.-]+:|[a-z]:[\\/]|[\\/])/i.test(path);
}

function matched(base: BaseConfig, section: MethodSection, { matchParameters }: Fairness): MethodSection {
  if (!matchParameters || resized(section, 1) === undefined) return section;
  const count = (config: RunConfig): number | undefined => {
    const result = base.forecast?.(config);
    return result === undefined || 'problem' in result ? undefined : result.trainableParameters;
  };
  const target = count(base.config);
  if (target === undefined) {
    throw problem(
      'comparison.noForecast',
      'The trainable parameters of the base config cannot be counted.',
      'Repair what is marked in the config, or compare without matched parameters.',
    );
  }
  const at = (size: number): MethodSection => resized(section, size) ?? section;
  const grows = section.type === 'prefix' || section.type === 'p-tuning-v2';
  const most = grows ? roomForTokens(base) : Infinity;
  const size = nearestSize(target, one => (one > most ? undefined : count(withMethod(base.config, at(one)))));
  return size === undefined ? section : at(size);
}

/** Virtual tokens that leave room for the longest row: with more, the rows themselves would be cut. */
function roomForTokens({ model, config }: BaseConfig): number {
  return model === undefined ? Infinity : Math.max(1, model.maxPositions - config.data.max_length);
}

/** The config with another method, defaults filled in. */
function withMethod(config: RunConfig, method: MethodSection): RunConfig {
  return runConfigSchema.parse({ ...config, method });
}

function edited(text: string, edits: readonly EditOp[]): string {
  return edits.reduce((current, edit) => {
    const { document } = parseConfig(current);
    return document === undefined ? current : applyEdits(current, textEdits(document, current, [edit]));
  }, text);
}

function set(path: ConfigPath, value: unknown): EditOp {
  return { op: 'set', path, value };
}

/** A value as part of a file name: `5e-4`, `q_proj-v_proj`. */
function slug(text: string): string {
  const plain = text.replace(/\+/g, '-plus').replace(/[^\w.-]+/g, '-');
  return plain.replace(/^-+|-+$/g, '') || 'value';
}
