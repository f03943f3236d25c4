import type { FileSet } from '../../../src/common/run/events';
import { problem } from '../../../src/common/errors';
import type { ModelConfig } from '../model/config';
import { configFile } from './adapterConfig';
import { f32Bytes } from './dtypes';
import { weightsFile } from './peftAdapter';
import { prefixType, promptTensor, promptType, promptWidth, type PromptAdapter } from './promptAdapter';
import { writeSafetensors } from './safetensors';

export interface PromptExport extends Pick<PromptAdapter, 'kind' | 'count' | 'values'> {
  readonly model: ModelConfig;
  /** For `base_model_name_or_path`. */
  readonly modelName: string;
  /** PEFT's keys about how the table was made; they decide nothing once it is there. */
  readonly encoder: Readonly<Record<string, string | number | boolean | null>>;
}

/**
 * A prefix or prompt as PEFT saves it: `adapter_config.json` with sorted keys, and `adapter_model.safetensors` with the one
 * tensor. For a prefix token_dim is the width of the keys, num_attention_heads the number of key heads (PEFT's
 * `_prepare_prompt_learning_config`).
 */
export function writePromptAdapter({ kind, count, values, model, modelName, encoder }: PromptExport): FileSet {
  const width = promptWidth(kind, model);
  if (values.length !== count * width)
    throw problem(
      'adapter.export',
      `The table has ${values.length} values, not ${count} × ${width}.`,
      'Report this with the config.',
    );
  const config = {
    auto_mapping: null,
    base_model_name_or_path: modelName,
    inference_mode: true,
    modules_to_save: null,
    num_attention_heads: kind === 'prefix' ? model.kvHeads : model.heads,
    num_layers: model.layers,
    num_transformer_submodules: 1,
    num_virtual_tokens: count,
    peft_type: kind === 'prefix' ? prefixType : promptType,
    revision: null,
    task_type: 'CAUSAL_LM',
    token_dim: kind === 'prefix' ? model.kvHeads * model.headDim : model.hiddenSize,
    ...encoder,
  };
  const sorted = Object.fromEntries(Object.entries(config).sort(([a], [b]) => (a < b ? -1 : 1)));
  const tensor = { dtype: 'F32' as const, shape: [count, width], bytes: f32Bytes(values) };
  return {
    [configFile]: new TextEncoder().encode(JSON.stringify(sorted, undefined, 2)),
    [weightsFile]: writeSafetensors(new Map([[promptTensor, tensor]]), { format: 'pt' }),
  };
}
