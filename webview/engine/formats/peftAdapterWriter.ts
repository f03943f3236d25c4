import type { LoraConfig } from '../../../src/common/config/schema';
import type { FileSet } from '../../../src/common/run/events';
import { problem } from '../../../src/common/errors';
import { moduleCatalog, type ModuleSpec, type TensorSpec } from '../model/catalog';
import type { ModelConfig } from '../model/config';
import { configFile } from './adapterConfig';
import { patternLookup } from './patternLookup';
import { keyPrefix, weightsFile, type AdapterTarget } from './peftAdapter';
import { wholeTensor } from '../model/parts';
import { f32Bytes } from './dtypes';
import { writeSafetensors, type TensorData } from './safetensors';

export interface AdapterExport {
  readonly config: LoraConfig;
  readonly model: ModelConfig;
  /** For `base_model_name_or_path`: the folder or hub id with which PEFT finds the base model. */
  readonly modelName: string;
  readonly targets: readonly AdapterTarget[];
  /** Base tensors that were trained too. */
  readonly base?: readonly TensorSpec[];
  /** By module path plus `.lora_A.weight` [rank, in] or `.lora_B.weight` [out, rank]; base tensors by their own names. */
  readonly tensors: ReadonlyMap<string, Float32Array>;
}

/**
 * A LoRA adapter as PEFT saves it (`save_pretrained`): `adapter_config.json` with sorted keys and
 * `adapter_model.safetensors`, byte for byte what PEFT writes for the same tensors. The config has the keys that every
 * PEFT version since 0.11 knows; a missing key takes its default there.
 */
export function writeLoraAdapter(input: AdapterExport): FileSet {
  const tensors = new Map<string, TensorData>();
  for (const { module, rank } of input.targets) {
    const put = (leaf: string, shape: readonly [number, number]) =>
      tensors.set(`${keyPrefix}${module.path}.${leaf}`, tensorOf(input.tensors, `${module.path}.${leaf}`, shape));
    put('lora_A.weight', [rank, module.in]);
    put('lora_B.weight', [module.out, rank]);
  }
  for (const [key, tensor] of baseTensors(input)) tensors.set(key, tensor);
  const text = JSON.stringify(adapterConfig(input), undefined, 2);
  return {
    [configFile]: new TextEncoder().encode(text),
    [weightsFile]: writeSafetensors(tensors, { format: 'pt' }),
  };
}

const embeddings = ['model.embed_tokens.weight', 'transformer.wte.weight'];

/** What decides how base tensors are saved beside an adapter. */
export interface BaseExport {
  readonly config: Pick<LoraConfig, 'modules_to_save'>;
  readonly model: ModelConfig;
  readonly base?: readonly TensorSpec[];
}

/**
 * Base tensors by PEFT's keys: below an adapter they lie in the `base_layer`; an embedding that is the head too is saved
 * for both, because PEFT keeps a copy for each. `targets` are the adapted modules.
 */
export function baseTensors(
  input: BaseExport & Pick<AdapterExport, 'tensors'> & { readonly targets: readonly Pick<AdapterTarget, 'module'>[] },
): [string, TensorData][] {
  const { base = [], model, targets, tensors } = input;
  const keysOf = (name: string): string[] => {
    if (model.tiedEmbeddings && embeddings.includes(name)) return [name, 'lm_head.weight'];
    const adapted = targets.some(({ module }) => name === `${module.path}.bias`);
    return [adapted ? name.replace(/\.bias$/, '.base_layer.bias') : name];
  };
  return base.flatMap(({ name, shape }) =>
    keysOf(name).map((key): [string, TensorData] => [`${keyPrefix}${key}`, tensorOf(tensors, name, shape)]),
  );
}

/** `modules_to_save` of a saved config: with a head that shares the trained embedding, that too. */
export function savedModules({ config, model, base = [] }: BaseExport): string[] | null {
  const names = config.modules_to_save;
  const tied = model.tiedEmbeddings && base.some(({ name }) => embeddings.includes(name));
  if (tied) return [...names, 'lm_head'];
  return names.length === 0 ? null : names;
}

export interface PlainLora {
  readonly rank: number;
  readonly alpha: number;
  readonly dropout: number;
  readonly modules: string | string[];
}

/** The config of an adapter that another method was folded into: LoRA with nothing beside its matrices. */
export function plainLora({ rank, alpha, dropout, modules }: PlainLora): LoraConfig {
  return {
    type: 'lora',
    r: rank,
    lora_alpha: alpha,
    lora_dropout: dropout,
    use_rslora: false,
    target_modules: modules,
    rank_pattern: {},
    alpha_pattern: {},
    init_lora_weights: true,
    modules_to_save: [],
    bias: 'none',
  };
}

/** A tensor of `shape`, by name; throws where there is none. */
export function tensorOf(
  tensors: ReadonlyMap<string, Float32Array>,
  name: string,
  shape: readonly number[],
): TensorData {
  const values = wholeTensor(tensors, name);
  if (values?.length !== shape.reduce((product, size) => product * size, 1))
    throw problem(
      'adapter.export',
      `The adapter has no ${name} [${shape.join(', ')}].`,
      'Report this with the config.',
    );
  return { dtype: 'F32', shape, bytes: f32Bytes(values) };
}

/** Keys in the order PEFT sorts them. */
function adapterConfig(input: AdapterExport) {
  const { config, model, modelName, targets } = input;
  const target = exportTargets(config, moduleCatalog(model), targets);
  return {
    alpha_pattern: exportPattern(config.alpha_pattern, config.lora_alpha, targets, 'alpha'),
    auto_mapping: null,
    base_model_name_or_path: modelName,
    bias: config.bias,
    fan_in_fan_out: model.family === 'gpt2',
    inference_mode: true,
    init_lora_weights: config.init_lora_weights,
    layer_replication: null,
    layers_pattern: null,
    layers_to_transform: target.layers ?? null,
    loftq_config: {},
    lora_alpha: config.lora_alpha,
    lora_dropout: config.lora_dropout,
    megatron_config: null,
    megatron_core: 'megatron.core',
    modules_to_save: savedModules(input),
    peft_type: 'LORA',
    r: config.r,
    rank_pattern: exportPattern(config.rank_pattern, config.r, targets, 'rank'),
    revision: null,
    target_modules: target.names,
    task_type: 'CAUSAL_LM',
    use_dora: false,
    use_rslora: config.use_rslora,
  };
}

export interface ExportedTargets {
  readonly names: readonly string[];
  readonly layers?: LoraConfig['layers_to_transform'];
}

/**
 * How the loading side finds the modules. A list is kept as far as it matches (PEFT would try to adapt other modules
 * that an entry names, and fail). A regex, `all-linear` or exclusions are resolved: to leaf names where these select the
 * same modules, else to whole paths, because a regex may also match modules that are not linear.
 */
export function exportTargets(
  config: Pick<LoraConfig, 'target_modules' | 'exclude_modules' | 'layers_to_transform'>,
  modules: readonly ModuleSpec[],
  targets: readonly Pick<AdapterTarget, 'module'>[],
): ExportedTargets {
  const paths = targets.map(target => target.module.path);
  const { target_modules: wanted, exclude_modules: excluded, layers_to_transform: layers } = config;
  if (Array.isArray(wanted) && (excluded === undefined || excluded.length === 0)) {
    const names = wanted.filter(name => paths.some(path => path === name || path.endsWith(`.${name}`)));
    return { names, layers };
  }
  const leaves = new Set(targets.map(target => target.module.leaf));
  const sameByLeaf = modules.filter(module => leaves.has(module.leaf)).length === targets.length;
  return { names: sameByLeaf ? [...leaves] : paths };
}

/**
 * Sorting the keys can change which of two overlapping patterns comes first. Where it would, each differing module
 * gets an entry of its own.
 */
function exportPattern(
  pattern: Readonly<Record<string, number>>,
  standard: number,
  targets: readonly AdapterTarget[],
  what: 'rank' | 'alpha',
): Record<string, number> {
  const sorted = Object.fromEntries(Object.entries(pattern).sort(([a], [b]) => (a < b ? -1 : 1)));
  const lookup = patternLookup(sorted, `${what}_pattern`);
  if (targets.every(target => (lookup.find(target.module.path) ?? standard) === target[what])) return sorted;
  const differing = targets.filter(target => target[what] !== standard);
  return Object.fromEntries(differing.map((target): [string, number] => [target.module.path, target[what]]).sort());
}
