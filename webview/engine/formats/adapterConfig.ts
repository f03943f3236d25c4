import { problem } from '../../../src/common/errors';
import {
  boolField,
  describe,
  field,
  intField,
  isObject,
  parseJsonObject,
  positiveField,
  type JsonObject,
  type JsonPlace,
} from './jsonFields';

/** The parts of a LoRA `adapter_config.json` that decide what its tensors mean. */
export interface AdapterConfig {
  readonly r: number;
  readonly lora_alpha: number;
  readonly use_rslora: boolean;
  readonly rank_pattern: Readonly<Record<string, number>>;
  readonly alpha_pattern: Readonly<Record<string, number>>;
  readonly base_model_name_or_path?: string;
}

export const configFile = 'adapter_config.json';
export const configPlace: JsonPlace = {
  code: 'adapter.config',
  label: configFile,
  hint: 'Use an adapter folder as PEFT saves it.',
};

/** Keys that change the computation: any value but these stops the import. */
const refused: readonly { readonly key: string; readonly what: string }[] = [
  { key: 'use_dora', what: 'DoRA' },
  { key: 'lora_bias', what: 'a bias on B' },
  { key: 'use_qalora', what: 'QALoRA' },
  { key: 'use_bdlora', what: 'BD-LoRA' },
  { key: 'modules_to_save', what: 'fully trained modules' },
  { key: 'trainable_token_indices', what: 'trainable token embeddings' },
  { key: 'target_parameters', what: 'adapters on bare parameters' },
  { key: 'layer_replication', what: 'replicated layers' },
  { key: 'alora_invocation_tokens', what: 'activated LoRA' },
  { key: 'arrow_config', what: 'Arrow routing' },
  { key: 'kasa_config', what: 'KaSA' },
  { key: 'velora_config', what: 'VeLoRA' },
  { key: 'monteclora_config', what: 'Monte Carlo LoRA' },
];

/** Keys that are read, or that have no effect once an adapter is trained. */
const known = new Set(
  ['r', 'lora_alpha', 'use_rslora', 'rank_pattern', 'alpha_pattern', 'base_model_name_or_path', 'peft_type', 'bias']
    .concat(['target_modules', 'exclude_modules', 'layers_to_transform', 'layers_pattern', 'task_type', 'auto_mapping'])
    .concat(['fan_in_fan_out', 'inference_mode', 'init_lora_weights', 'lora_dropout', 'loftq_config', 'revision'])
    .concat(['megatron_config', 'megatron_core', 'peft_version', 'qalora_group_size', 'ensure_weight_tying'])
    .concat(['corda_config', 'eva_config', 'lora_ga_config'])
    .concat(refused.map(({ key }) => key)),
);

/**
 * Reads an `adapter_config.json`. Throws a problem for other adapter types and for variants of LoRA the engine does
 * not compute, fully trained base tensors among them unless `mayTrainBase`; `warnings` has a sentence for each key that
 * nothing is known about.
 */
export function parseAdapterConfig(text: string, mayTrainBase = false): { config: AdapterConfig; warnings: string[] } {
  const object = parseJsonObject(text, configPlace);
  refuseVariants(object, 'LORA', mayTrainBase ? ['modules_to_save', 'bias'] : []);
  const name = field(object, 'base_model_name_or_path');
  const config = {
    r: intField(object, 'r', configPlace, { min: 1, max: 1 << 20, fallback: 8 }),
    lora_alpha: positiveField(object, 'lora_alpha', configPlace, 8),
    use_rslora: boolField(object, 'use_rslora', configPlace, false),
    rank_pattern: patternField(object, 'rank_pattern'),
    alpha_pattern: patternField(object, 'alpha_pattern'),
    base_model_name_or_path: typeof name === 'string' ? name : undefined,
  };
  return { config, warnings: unknownKeys(object) };
}

/**
 * Throws for another `peft_type` than `type`, and for variants of low-rank adapters that the engine does not compute, but
 * for the keys `allowed`.
 */
export function refuseVariants(object: JsonObject, type: 'LORA' | 'ADALORA', allowed: readonly string[] = []): void {
  const found = field(object, 'peft_type');
  if (found !== type) {
    const what = found === undefined ? 'has no peft_type' : `has peft_type ${describe(found)}`;
    const hint =
      found === 'LORA' || found === 'ADALORA' ? `Set method.type to ${found.toLowerCase()}.` : configPlace.hint;
    throw problem('adapter.type', `${configFile} ${what}; only "${type}" can be continued here.`, hint);
  }
  for (const { key, what } of refused)
    if (isOn(field(object, key)) && !allowed.includes(key)) throw unsupported(key, what, field(object, key));
  const bias = field(object, 'bias') ?? 'none';
  if (bias !== 'none' && !allowed.includes('bias')) throw unsupported('bias', 'trained biases', bias);
}

function isOn(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  return value !== undefined && value !== false;
}

function unsupported(key: string, what: string, value: unknown) {
  return problem(
    'adapter.variant',
    `${configFile}: ${key} is ${describe(value)}; adapters with ${what} are not supported.`,
    'Use a plain adapter.',
  );
}

/** A rank must be whole, but a rank that is not will not fit its tensors, so one check serves both patterns. */
function patternField(object: JsonObject, key: string): Record<string, number> {
  const value = field(object, key) ?? {};
  if (!isObject(value)) throw problem(configPlace.code, `${configFile}: ${key} must be an object.`, configPlace.hint);
  return Object.fromEntries(
    Object.keys(value).map(pattern => [pattern, positiveField(value, pattern, configPlace, NaN)]),
  );
}

/** A sentence for each key of a config that is neither LoRA's nor among `own`. */
export function unknownKeys(object: JsonObject, own: readonly string[] = []): string[] {
  return Object.keys(object)
    .filter(key => !known.has(key) && !own.includes(key) && isOn(field(object, key)))
    .map(key => `${configFile}: the key ${key} is not known and was ignored.`);
}
