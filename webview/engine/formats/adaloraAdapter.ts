import type { FileSet } from '../../../src/common/run/events';
import { problem } from '../../../src/common/errors';
import type { ModuleSpec, TensorSpec } from '../model/catalog';
import { parseAdaloraConfig, type AdaloraFileConfig } from './adaloraConfig';
import { configFile } from './adapterConfig';
import {
  adapterText,
  baseName,
  keyPrefix,
  readBase,
  readAdapterTensor,
  requireAdapterFile,
  weightsFile,
} from './peftAdapter';
import { readSafetensors, type TensorEntry } from './safetensors';

/** A module with the triplets that are left of the `init_r` it began with. */
export interface TripletTarget {
  readonly module: ModuleSpec;
  /** For each of the `init_r` triplets, whether the file holds it. */
  readonly kept: readonly boolean[];
}

/** A checked ADALORA adapter. */
export interface AdaloraAdapter {
  readonly config: AdaloraFileConfig;
  /** What it adapts, in execution order; modules whose rank fell to 0 too. */
  readonly targets: readonly TripletTarget[];
  /** By module path plus `.lora_A` [r, in], `.lora_B` [out, r] or `.lora_E` [r, 1], r the kept triplets; none for r = 0. */
  readonly tensors: ReadonlyMap<string, Float32Array<ArrayBuffer>>;
  /** Base tensors that were trained with it, by their own names. */
  readonly base: ReadonlyMap<string, Float32Array<ArrayBuffer>>;
  /** Sentences about what was ignored. */
  readonly warnings: readonly string[];
}

const hint = 'Use an adapter that was trained on this model.';

/**
 * Reads an ADALORA folder as PEFT saves it (`AdaLoraModel._get_adapter_state_dict`): keys without `.weight`, tensors cut
 * to the triplets that `rank_pattern` keeps, all of them where it has none. Throws a problem for missing files, other
 * kinds of adapters, tensors of another model or of another rank than the pattern says, a module that lacks one of its
 * three tensors, and NaN or infinite values. `catalog` holds the base tensors that may lie in it, none by default.
 */
export function readAdaloraAdapter(
  files: FileSet,
  modules: readonly ModuleSpec[],
  catalog: readonly TensorSpec[] = [],
): AdaloraAdapter {
  const { config, warnings } = parseAdaloraConfig(adapterText(files, configFile), catalog.length > 0);
  const bytes = requireAdapterFile(files, weightsFile);
  const header = readSafetensors(bytes, weightsFile);
  const found = [...header.tensors].map(([key, entry]) => ({ key, name: baseName(key, catalog), entry }));
  const base = readBase(bytes, found, catalog);
  const entries = new Map(
    found.flatMap(({ key, name, entry }) => (name === undefined ? [[moduleKey(key, modules), entry] as const] : [])),
  );
  checkPattern(config, modules);
  const tensors = new Map<string, Float32Array<ArrayBuffer>>();
  const targets: TripletTarget[] = [];
  for (const module of modules) {
    const whole = new Array<boolean>(config.init_r).fill(true);
    const kept = config.rank_pattern.get(module.path) ?? whole;
    const rank = kept.filter(Boolean).length;
    const shapes = shapesOf(module, rank);
    if (shapes.every(({ name }) => !entries.has(name))) {
      if (config.rank_pattern.has(module.path) && rank > 0) throw lacks(shapes[0].name);
      if (config.rank_pattern.has(module.path)) targets.push({ module, kept });
      continue;
    }
    for (const { name, shape } of shapes) {
      const entry = checkShape(name, entries.get(name), shape);
      if (rank > 0) tensors.set(name, readAdapterTensor(bytes, name, entry));
    }
    targets.push({ module, kept });
  }
  if (targets.length === 0) throw problem('adapter.empty', `${weightsFile} holds no AdaLoRA tensor.`, hint);
  return { config, targets, tensors, base, warnings };
}

/** Names and shapes of a module's three tensors at a rank. */
export function shapesOf(
  { path, in: width, out }: ModuleSpec,
  rank: number,
): readonly { readonly name: string; readonly shape: readonly [number, number] }[] {
  return [
    { name: `${path}.lora_A`, shape: [rank, width] },
    { name: `${path}.lora_B`, shape: [out, rank] },
    { name: `${path}.lora_E`, shape: [rank, 1] },
  ];
}

function checkPattern(
  { rank_pattern: pattern, init_r: rank }: AdaloraFileConfig,
  modules: readonly ModuleSpec[],
): void {
  for (const [path, kept] of pattern) {
    if (!modules.some(module => module.path === path))
      throw problem(
        'adapter.module',
        `${configFile}: rank_pattern names ${path}, which this model does not have.`,
        hint,
      );
    if (kept.length !== rank)
      throw problem(
        'adapter.rank',
        `${configFile}: rank_pattern has ${kept.length} entries for ${path}, but init_r is ${rank}.`,
        'Use the files as PEFT saved them.',
      );
  }
}

/** `base_model.model.<module>.lora_A` without the prefix; any other tensor has no place here. */
function moduleKey(key: string, modules: readonly ModuleSpec[]): string {
  const name = key.startsWith(keyPrefix) ? key.slice(keyPrefix.length) : key;
  const match = /^(.+)\.lora_[ABE]$/.exec(name);
  if (!match)
    throw problem('adapter.tensor', `${weightsFile} holds ${key}, which is no part of an AdaLoRA adapter.`, hint);
  if (modules.some(module => module.path === match[1])) return name;
  throw problem('adapter.module', `${weightsFile} adapts ${match[1]}, which this model does not have.`, hint);
}

function checkShape(name: string, entry: TensorEntry | undefined, expected: readonly [number, number]): TensorEntry {
  if (!entry) throw lacks(name);
  const { shape } = entry;
  if (shape.length === 2 && shape[0] === expected[0] && shape[1] === expected[1]) return entry;
  throw problem(
    'adapter.shape',
    `${weightsFile}: ${name} has the shape [${shape.join(', ')}]; this model and ${configFile} need [${expected.join(', ')}].`,
    hint,
  );
}

function lacks(name: string) {
  return problem('adapter.tensor', `${weightsFile} lacks ${name}.`, 'Save the adapter again.');
}
