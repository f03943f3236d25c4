import type { FileSet } from '../../../src/common/run/events';
import { problem } from '../../../src/common/errors';
import type { ModuleSpec, TensorSpec } from '../model/catalog';
import { configFile, configPlace, parseAdapterConfig, type AdapterConfig } from './adapterConfig';
import { decodeToF32, firstNonFinite } from './dtypes';
import { field, parseJsonObject } from './jsonFields';
import { patternLookup } from './patternLookup';
import { readSafetensors, type TensorEntry } from './safetensors';

/** A module with the rank and alpha of its adapter. */
export interface AdapterTarget {
  readonly module: ModuleSpec;
  readonly rank: number;
  readonly alpha: number;
}

/** A checked LoRA adapter. */
export interface LoraAdapter {
  readonly config: AdapterConfig;
  /** What it adapts, in execution order. */
  readonly targets: readonly AdapterTarget[];
  /** By module path plus `.lora_A.weight` [rank, in] or `.lora_B.weight` [out, rank]. */
  readonly tensors: ReadonlyMap<string, Float32Array<ArrayBuffer>>;
  /** Base tensors that were trained with it, by their own names. */
  readonly base: ReadonlyMap<string, Float32Array<ArrayBuffer>>;
  /** Sentences about what was ignored. */
  readonly warnings: readonly string[];
}

export const weightsFile = 'adapter_model.safetensors';
export const keyPrefix = 'base_model.model.';
const hint = 'Use an adapter that was trained on this model.';

/**
 * Reads a PEFT adapter folder for a model with these `modules`; `catalog` holds the base tensors that may lie in it, none
 * by default. Throws a problem for missing files, other kinds of
 * adapters, tensors of another model (naming module and shapes), half an adapter, and NaN or infinite values.
 */
export function readLoraAdapter(
  files: FileSet,
  modules: readonly ModuleSpec[],
  catalog: readonly TensorSpec[] = [],
): LoraAdapter {
  const { config, warnings } = parseAdapterConfig(adapterText(files, configFile), catalog.length > 0);
  const bytes = requireAdapterFile(files, weightsFile);
  const header = readSafetensors(bytes, weightsFile);
  const found = [...header.tensors].map(([key, entry]) => ({ key, name: baseName(key, catalog), entry }));
  const base = readBase(bytes, found, catalog);
  const entries = new Map(
    found.flatMap(({ key, name, entry }) => (name === undefined ? [[moduleKey(key, modules), entry] as const] : [])),
  );
  const ranks = patternLookup(config.rank_pattern, `${configFile}: rank_pattern`);
  const alphas = patternLookup(config.alpha_pattern, `${configFile}: alpha_pattern`);
  const tensors = new Map<string, Float32Array<ArrayBuffer>>();
  const targets: AdapterTarget[] = [];
  for (const module of modules) {
    const names = [`${module.path}.lora_A.weight`, `${module.path}.lora_B.weight`];
    const pair = names.map(name => entries.get(name));
    if (pair.every(entry => entry === undefined)) continue;
    const rank = ranks.find(module.path) ?? config.r;
    const shapes = [[rank, module.in] as const, [module.out, rank] as const];
    names.forEach((name, index) =>
      tensors.set(name, readAdapterTensor(bytes, name, checkShape(name, pair[index], shapes[index]))),
    );
    targets.push({ module, rank, alpha: alphas.find(module.path) ?? config.lora_alpha });
  }
  if (targets.length === 0) throw problem('adapter.empty', `${weightsFile} holds no LoRA tensor.`, hint);
  return { config, targets, tensors, base, warnings };
}

/**
 * Refuses to continue `adapter` with other modules, ranks or scales than it was trained with: the run would silently
 * start from a different function. `use_rslora` is that of the run.
 */
export function checkContinues(adapter: LoraAdapter, targets: readonly AdapterTarget[], useRslora: boolean): void {
  const fail = (what: string, fix: string) => problem('adapter.differs', `The adapter ${what}.`, fix);
  if (adapter.config.use_rslora !== useRslora)
    throw fail(`was trained with use_rslora ${String(!useRslora)}`, `Set method.use_rslora to ${String(!useRslora)}.`);
  const own = new Map(adapter.targets.map(target => [target.module.path, target]));
  for (const { module, rank, alpha } of targets) {
    const found = own.get(module.path);
    if (!found) throw fail(`has nothing for ${module.path}`, 'Set method.target_modules to what the adapter holds.');
    if (found.rank !== rank)
      throw fail(
        `has rank ${found.rank} in ${module.path}, the config ${rank}`,
        'Set method.r or rank_pattern to match.',
      );
    if (found.alpha !== alpha)
      throw fail(
        `has lora_alpha ${found.alpha} in ${module.path}, the config ${alpha}`,
        'Set method.lora_alpha or alpha_pattern to match.',
      );
    own.delete(module.path);
  }
  const left = [...own.keys()].at(0);
  if (left !== undefined)
    throw fail(
      `also adapts ${left}, which the config does not`,
      'Set method.target_modules to what the adapter holds.',
    );
}

/** A file of an adapter folder; throws `adapter.missing`. */
export function requireAdapterFile(files: FileSet, name: string): Uint8Array {
  if (Object.hasOwn(files, name)) return files[name];
  const older = name === weightsFile && Object.hasOwn(files, 'adapter_model.bin');
  throw problem(
    'adapter.missing',
    `The adapter folder has no ${name}.`,
    older ? 'Save the adapter again with a PEFT version that writes safetensors.' : 'Choose a folder that PEFT saved.',
  );
}

/** A text file of an adapter folder. */
export function adapterText(files: FileSet, name: string): string {
  const bytes = requireAdapterFile(files, name);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw problem('adapter.config', `${name} is not UTF-8 text.`, 'Use the file as PEFT saved it.');
  }
}

/** `peft_type` of an adapter folder's `adapter_config.json`; undefined without such a file, and in other libraries' files. */
export function peftType(files: FileSet): unknown {
  return Object.hasOwn(files, configFile)
    ? field(parseJsonObject(adapterText(files, configFile), configPlace), 'peft_type')
    : undefined;
}

/** The base tensor that a key stands for: `<module>.base_layer.bias` is the bias below an adapter. */
export function baseName(key: string, catalog: readonly TensorSpec[]): string | undefined {
  const name = (key.startsWith(keyPrefix) ? key.slice(keyPrefix.length) : key).replace('.base_layer.', '.');
  const tied = catalog.length > 0 && name === tiedHead;
  return tied || catalog.some(spec => spec.name === name) ? name : undefined;
}

/** A tensor of the file, and the base tensor it stands for. */
export interface FoundTensor {
  readonly key: string;
  readonly name?: string;
  readonly entry: TensorEntry;
}

const tiedHead = 'lm_head.weight';
const embeddings = ['model.embed_tokens.weight', 'transformer.wte.weight'];

/** Base tensors of the file. A head that shares the embedding must be there twice and equal, or PEFT computes otherwise. */
export function readBase(bytes: Uint8Array, found: readonly FoundTensor[], catalog: readonly TensorSpec[]) {
  const base = new Map<string, Float32Array<ArrayBuffer>>();
  const embedding = catalog.find(({ name }) => embeddings.includes(name));
  for (const { name, entry } of found) {
    if (name === undefined) continue;
    const spec = catalog.find(one => one.name === name) ?? embedding;
    if (entry.shape.join() !== spec?.shape.join())
      throw problem(
        'adapter.shape',
        `${weightsFile}: ${name} has the shape [${entry.shape.join(', ')}]; this model needs [${spec?.shape.join(', ')}].`,
        hint,
      );
    base.set(name, readAdapterTensor(bytes, name, entry));
  }
  if (!embedding || catalog.some(({ name }) => name === tiedHead)) return base;
  const [head, table] = [base.get(tiedHead), base.get(embedding.name)];
  if (head?.length !== table?.length || head?.some((value, i) => value !== table?.[i]))
    throw problem(
      'adapter.tied',
      `${weightsFile} trains the embedding and the head apart, but this model has one weight for both.`,
      'Train the adapter with ensure_weight_tying, or untie the model first.',
    );
  base.delete(tiedHead);
  return base;
}

/** `base_model.model.<module>.lora_A.weight` without the prefix; any other tensor has no place here. */
function moduleKey(key: string, modules: readonly ModuleSpec[]): string {
  const name = key.startsWith(keyPrefix) ? key.slice(keyPrefix.length) : key;
  const match = /^(.+)\.lora_[AB]\.weight$/.exec(name);
  if (!match)
    throw problem('adapter.tensor', `${weightsFile} holds ${key}, which is no part of a plain LoRA adapter.`, hint);
  if (modules.some(module => module.path === match[1])) return name;
  throw problem('adapter.module', `${weightsFile} adapts ${match[1]}, which this model does not have.`, hint);
}

function checkShape(name: string, entry: TensorEntry | undefined, expected: readonly [number, number]): TensorEntry {
  if (!entry) throw problem('adapter.tensor', `${weightsFile} lacks ${name}.`, 'Save the adapter again.');
  const { shape } = entry;
  if (shape.length === 2 && shape[0] === expected[0] && shape[1] === expected[1]) return entry;
  throw problem(
    'adapter.shape',
    `${weightsFile}: ${name} has the shape [${shape.join(', ')}]; this model and ${configFile} need [${expected.join(', ')}].`,
    hint,
  );
}

/** Values of a tensor of `weightsFile`; throws `adapter.nonfinite`. */
export function readAdapterTensor(bytes: Uint8Array, name: string, entry: TensorEntry): Float32Array<ArrayBuffer> {
  const values = decodeToF32(entry.dtype, bytes.subarray(entry.begin, entry.end));
  const bad = firstNonFinite(values);
  if (bad < 0) return values;
  throw problem('adapter.nonfinite', `${weightsFile}: ${name} contains ${values[bad]}.`, 'Use an earlier checkpoint.');
}
