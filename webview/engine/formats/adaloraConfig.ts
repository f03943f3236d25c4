import { problem } from '../../../src/common/errors';
import { configFile, configPlace, refuseVariants, unknownKeys } from './adapterConfig';
import { field, intField, isObject, parseJsonObject, positiveField, wrongField, type JsonObject } from './jsonFields';

/** The parts of an ADALORA `adapter_config.json` that decide what its tensors mean. */
export interface AdaloraFileConfig {
  readonly init_r: number;
  readonly lora_alpha: number;
  /** By module path: for each of the `init_r` triplets, whether it was kept. Modules without an entry keep all. */
  readonly rank_pattern: ReadonlyMap<string, readonly boolean[]>;
}

/** Keys of PEFT's `AdaLoraConfig` beside LoRA's. */
const own = [
  'init_r',
  'target_r',
  'tinit',
  'tfinal',
  'deltaT',
  'beta1',
  'beta2',
  'orth_reg_weight',
  'total_step',
] as const;

const suffix = '.lora_E';

/**
 * Reads the `adapter_config.json` of an ADALORA adapter. Throws a problem for other adapter types, for variants that the
 * engine does not compute, and for a `rank_pattern` that is no table of booleans; `warnings` has a sentence for each key
 * that nothing is known about. Fully trained base tensors are refused unless `mayTrainBase`.
 */
export function parseAdaloraConfig(
  text: string,
  mayTrainBase = false,
): { config: AdaloraFileConfig; warnings: string[] } {
  const object = parseJsonObject(text, configPlace);
  refuseVariants(object, 'ADALORA', mayTrainBase ? ['modules_to_save', 'bias'] : []);
  const config = {
    init_r: intField(object, 'init_r', configPlace, { min: 1, max: 1 << 20, fallback: 12 }),
    lora_alpha: positiveField(object, 'lora_alpha', configPlace, 8),
    rank_pattern: keptTriplets(object),
  };
  return { config, warnings: unknownKeys(object, own) };
}

/** Older PEFT versions write the keys with the adapter's name at the end: `….lora_E.default`. */
function keptTriplets(object: JsonObject): Map<string, readonly boolean[]> {
  const value = field(object, 'rank_pattern') ?? {};
  if (!isObject(value)) throw wrongField(configPlace, 'rank_pattern', 'an object', value);
  const kept = new Map<string, readonly boolean[]>();
  for (const [key, list] of Object.entries(value)) {
    const match = /^(.+)\.lora_E(?:\.[^.]+)?$/.exec(key);
    if (!match)
      throw problem(
        configPlace.code,
        `${configFile}: rank_pattern has the key ${key}, which does not end in ${suffix}.`,
        configPlace.hint,
      );
    if (!isBooleans(list)) throw wrongField(configPlace, `rank_pattern, ${key}`, 'a list of true and false', list);
    kept.set(match[1], list);
  }
  return kept;
}

function isBooleans(value: unknown): value is boolean[] {
  return Array.isArray(value) && value.every(item => typeof item === 'boolean');
}
