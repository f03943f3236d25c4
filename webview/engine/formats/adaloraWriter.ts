import type { AdaloraConfig } from '../../../src/common/config/schema';
import type { FileSet } from '../../../src/common/run/events';
import { moduleCatalog, type TensorSpec } from '../model/catalog';
import type { ModelConfig } from '../model/config';
import { shapesOf, type TripletTarget } from './adaloraAdapter';
import { configFile } from './adapterConfig';
import { f32Bytes } from './dtypes';
import { keyPrefix, weightsFile } from './peftAdapter';
import { baseTensors, exportTargets, savedModules, tensorOf } from './peftAdapterWriter';
import { writeSafetensors, type TensorData } from './safetensors';

/** Settings of the run that made an adapter. */
export interface AdaloraOrigin {
  readonly config: AdaloraConfig;
  readonly model: ModelConfig;
  /** For `base_model_name_or_path`. */
  readonly modelName: string;
  /** Optimizer steps that the schedule was made for. */
  readonly totalStep: number;
  /** Base tensors that were trained too. */
  readonly base?: readonly TensorSpec[];
}

/**
 * Modules with their kept triplets, and the tensors cut to these: `….lora_A`, `….lora_B`, `….lora_E`; base tensors by their
 * own names.
 */
export interface KeptTriplets {
  readonly targets: readonly TripletTarget[];
  readonly tensors: ReadonlyMap<string, Float32Array>;
}

/**
 * An adapter as PEFT saves AdaLoRA: keys without `.weight`, and in `rank_pattern` for each module which of the `init_r`
 * triplets the tensors hold; modules of rank 0 have empty tensors. `rank_pattern` is null when all are kept.
 */
export function writeAdaloraAdapter(origin: AdaloraOrigin, { targets, tensors }: KeptTriplets): FileSet {
  const data = new Map<string, TensorData>();
  for (const { module, kept } of targets) {
    const rank = kept.filter(Boolean).length;
    for (const { name, shape } of shapesOf(module, rank)) {
      const values = rank === 0 ? { dtype: 'F32', shape, bytes: f32Bytes(new Float32Array(0)) } : undefined;
      data.set(`${keyPrefix}${name}`, values ?? tensorOf(tensors, name, shape));
    }
  }
  for (const [key, tensor] of baseTensors({ ...origin, targets, tensors })) data.set(key, tensor);
  const text = JSON.stringify(adapterConfig(origin, targets), undefined, 2);
  return {
    [configFile]: new TextEncoder().encode(text),
    [weightsFile]: writeSafetensors(data, { format: 'pt' }),
  };
}

/** Keys in the order PEFT sorts them; those that every PEFT version since 0.11 knows. */
function adapterConfig(origin: AdaloraOrigin, targets: readonly TripletTarget[]) {
  const { config, model, modelName, totalStep } = origin;
  const target = exportTargets(config, moduleCatalog(model), targets);
  return {
    alpha_pattern: {},
    auto_mapping: null,
    base_model_name_or_path: modelName,
    beta1: config.beta1,
    beta2: config.beta2,
    bias: config.bias,
    deltaT: config.deltaT,
    fan_in_fan_out: model.family === 'gpt2',
    inference_mode: true,
    init_lora_weights: true,
    init_r: config.init_r,
    layer_replication: null,
    layers_pattern: null,
    layers_to_transform: target.layers ?? null,
    loftq_config: {},
    lora_alpha: config.lora_alpha,
    lora_dropout: config.lora_dropout,
    megatron_config: null,
    megatron_core: 'megatron.core',
    modules_to_save: savedModules(origin),
    orth_reg_weight: config.orth_reg_weight,
    peft_type: 'ADALORA',
    r: 8,
    rank_pattern: rankPattern(targets),
    revision: null,
    target_modules: target.names,
    target_r: config.target_r,
    task_type: 'CAUSAL_LM',
    tfinal: config.tfinal,
    tinit: config.tinit,
    total_step: totalStep,
    use_dora: false,
    use_rslora: false,
  };
}

function rankPattern(targets: readonly TripletTarget[]): Record<string, readonly boolean[]> | null {
  if (targets.every(({ kept }) => kept.every(Boolean))) return null;
  const entries = targets.map(({ module, kept }) => [`${module.path}.lora_E`, kept] as const);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}
