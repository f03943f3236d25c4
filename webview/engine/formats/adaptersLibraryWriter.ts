import type { BottleneckConfig } from '../../../src/common/config/schema';
import { problem } from '../../../src/common/errors';
import type { FileSet } from '../../../src/common/run/events';
import {
  adapterName,
  bottleneckWidth,
  floorDivide,
  isResidual,
  nonLinearity,
  type AdapterPlace,
} from '../methods/bottleneckPlaces';
import type { TensorSpec } from '../model/catalog';
import type { ModelConfig } from '../model/config';
import { residualArchitecture } from './adaptersConfig';
import { adaptersConfigFile, adaptersWeightsFile } from './adaptersLibrary';
import { f32Bytes } from './dtypes';
import { writeSafetensors, type TensorData } from './safetensors';

export interface BottleneckExport {
  readonly config: BottleneckConfig;
  readonly model: ModelConfig;
  readonly modelName: string;
  readonly places: readonly AdapterPlace[];
  /** Norms of the base that were trained too. */
  readonly norms: readonly TensorSpec[];
  readonly values: ReadonlyMap<string, Float32Array>;
}

/**
 * An adapter folder as `save_adapter(folder, name, use_safetensors=True)` of the `adapters` library writes it
 * (`loading.py`, `AdapterLoader.save`), which `load_adapter` reads. Trained norms lie beside it under the model's own
 * names; `load_adapter` puts them in too. Rebuffi's adapters, which the library does not have, use the same two files.
 */
export function writeBottleneckAdapter(input: BottleneckExport): FileSet {
  const tensors = new Map<string, TensorData>();
  for (const { name, shape } of [...input.places.flatMap(place => place.tensors), ...input.norms]) {
    const values = input.values.get(name);
    if (values?.length !== shape.reduce((product, size) => product * size, 1))
      throw problem(
        'adapter.export',
        `The adapter has no ${name} [${shape.join(', ')}].`,
        'Report this with the config.',
      );
    tensors.set(name, { dtype: 'F32', shape, bytes: f32Bytes(values) });
  }
  return {
    [adaptersConfigFile]: new TextEncoder().encode(configText(input)),
    [adaptersWeightsFile]: writeSafetensors(tensors),
  };
}

const modelClasses: Readonly<Record<string, string>> = {
  gpt2: 'GPT2LMHeadModel',
  llama: 'LlamaForCausalLM',
  mistral: 'MistralForCausalLM',
  qwen2: 'Qwen2ForCausalLM',
};

/** Keys sorted, two spaces, and floats with a point, as Python's `json.dump`: the library refuses a `scaling` that is an int. */
function configText({ config, model, modelName }: BottleneckExport): string {
  const file = {
    config: isResidual(config.placement) ? residualConfig(config) : bottleneckConfig(config, model.hiddenSize),
    hidden_size: model.hiddenSize,
    model_class: modelClasses[model.modelType],
    model_name: modelName,
    model_type: model.modelType,
    name: adapterName,
    version: 'adapters.1.3.0',
  };
  return JSON.stringify(file, undefined, 2).replace(/("(?:dropout|scaling|stochastic_depth)": [01])(?=,)/g, '$1.0');
}

function residualConfig({ placement, leave_out }: BottleneckConfig) {
  return { architecture: residualArchitecture, leave_out, placement };
}

/** Every field of `BnConfig` with its default but those that differ. */
function bottleneckConfig(config: BottleneckConfig, hiddenSize: number) {
  const houlsby = config.placement === 'houlsby';
  return {
    adapter_residual_before_ln: false,
    cross_adapter: false,
    dropout: 0,
    factorized_phm_W: true,
    factorized_phm_rule: false,
    hypercomplex_nonlinearity: 'glorot-uniform',
    init_weights: config.init_weights,
    init_weights_seed: null,
    inv_adapter: null,
    inv_adapter_reduction_factor: null,
    is_parallel: false,
    learn_phm: true,
    leave_out: config.leave_out,
    ln_after: false,
    ln_before: false,
    mh_adapter: houlsby,
    non_linearity: nonLinearity(config),
    original_ln_after: true,
    original_ln_before: !houlsby,
    output_adapter: true,
    phm_bias: true,
    phm_c_init: 'normal',
    phm_dim: 4,
    phm_init_range: 0.0001,
    phm_layer: false,
    phm_rank: 1,
    reduction_factor: reductionFactor(config, hiddenSize),
    residual_before_ln: true,
    scaling: 1,
    shared_W_phm: false,
    shared_phm_rule: true,
    stochastic_depth: 0,
    use_gating: false,
  };
}

/** A factor for which `hidden_size // factor` is the width: the given one, a whole one, or one between m and m + 1. */
function reductionFactor(config: BottleneckConfig, hiddenSize: number): number {
  const width = bottleneckWidth(config, hiddenSize);
  if (config.bottleneck_size === undefined) return config.reduction_factor;
  const whole = Math.max(1, Math.floor(hiddenSize / width));
  return floorDivide(hiddenSize, whole) === width ? whole : hiddenSize / (width + 0.5);
}
