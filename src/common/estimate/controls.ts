import { methodTypeOf, valueAt } from '../config/issues';
import { keyAt, keysAt, type KeyInfo } from '../config/keys';
import { pathText, type ConfigPath } from '../config/range';
import type { RunConfig } from '../config/schema';
import { batchKey, methodKey } from './changes';

/** One key that the page offers to change. */
export interface Control {
  /** Its place in the config: `memory.offload.parameters`. */
  readonly key: string;
  /** What the schema says about it. */
  readonly description: string;
  readonly expected: string;
  /** The legal values where they can be listed, `null` for a key that is left out; otherwise it is a number. */
  readonly choices?: readonly unknown[];
  /** As the config has it, `null` where it is left out and has no default. */
  readonly value: unknown;
}

/** Keys outside the memory section that decide how much memory a run takes. */
const beside: readonly ConfigPath[] = [
  ['data', 'max_length'],
  ['training', 'per_device_train_batch_size'],
  ['training', 'per_device_eval_batch_size'],
  ['samples', 'use_cache'],
  ['samples', 'max_new_tokens'],
];

/** What sets the size of a method, whichever of these it has. */
const sizes = ['r', 'init_r', 'num_virtual_tokens', 'encoder_hidden_size', 'reduction_factor', 'shots'];

/**
 * What the page offers for `config`: every key of the memory section, which a new one joins by itself, the method with its
 * size, and the keys beside them. Values are those of `config`; the keys of the method are those of `toggled`, whose type may
 * be another.
 */
export function controlsOf(config: RunConfig, toggled: RunConfig = config): Control[] {
  const type = methodTypeOf(toggled);
  const own = keysAt(['method'], type).filter(({ name }) => sizes.includes(name));
  const paths: ConfigPath[] = [
    ...leaves(['memory']),
    ...beside,
    methodKey.split('.'),
    ...own.map(({ name }) => ['method', name]),
  ];
  return paths.flatMap(path => {
    const isType = pathText(path) === methodKey;
    const info = keyAt(path, isType ? undefined : type);
    const from = path[0] === 'method' && !isType ? toggled : config;
    return info === undefined ? [] : controlOf(path, info, from);
  });
}

/** The paths of every key below `path` that is not a map itself. */
function leaves(path: ConfigPath): ConfigPath[] {
  return keysAt(path).flatMap(({ name, shape }) => {
    const inner = [...path, name];
    if (shape === 'map') return leaves(inner);
    return shape === 'scalar' ? [inner] : [];
  });
}

function controlOf(path: ConfigPath, info: KeyInfo, config: RunConfig): Control[] {
  const key = pathText(path);
  const value = valueAt(config, path) ?? null;
  const listed = key === batchKey ? divisors(effectiveBatch(config)) : info.values;
  const isNumber = [value, info.default, ...info.examples].some(one => typeof one === 'number');
  if (listed.length === 0 && !isNumber) return [];
  const isOptional = !info.required && info.default === undefined;
  const choices = listed.length === 0 ? undefined : isOptional ? [null, ...listed] : listed;
  return [{ key, description: info.description, expected: info.expected, choices, value }];
}

function effectiveBatch({ training }: RunConfig): number {
  return training.per_device_train_batch_size * training.gradient_accumulation_steps;
}

/** Micro-batches that make up a step of `rows` rows. */
function divisors(rows: number): number[] {
  return Array.from({ length: rows }, (_, i) => i + 1).filter(size => rows % size === 0);
}
