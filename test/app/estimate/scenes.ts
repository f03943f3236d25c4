/** Configs for the estimate page on the shape of SmolLM2-135M, and what a page kept from an earlier life. */
import type { Changes } from '../../../src/common/estimate/changes';

export interface EstimateScene {
  readonly text: string;
  readonly changes?: Changes;
  readonly scenarios?: readonly Changes[];
  /** The model's folder is not there. */
  readonly modelless?: boolean;
  /** The host does not answer. */
  readonly silent?: boolean;
}

/** https://huggingface.co/HuggingFaceTB/SmolLM2-135M, `config.json`. */
export const smolLm = {
  model_type: 'llama',
  hidden_size: 576,
  intermediate_size: 1536,
  num_hidden_layers: 30,
  num_attention_heads: 9,
  num_key_value_heads: 3,
  vocab_size: 49152,
  max_position_embeddings: 8192,
  rms_norm_eps: 1e-5,
  rope_theta: 100000,
  tie_word_embeddings: true,
};

const config = `name: letters-lora
model: models/SmolLM2-135M
data:
  train: data/letters.train.jsonl
  max_length: 512 # letters are short
method:
  type: lora
  r: 16
  lora_alpha: 32
training:
  max_steps: 200
  learning_rate: 1.0e-3
  per_device_train_batch_size: 4
  gradient_accumulation_steps: 2
memory:
  budget_mib: 2048 # a small laptop
samples:
  prompts: ["Dear"]
`;

const quantized: Changes = { 'memory.quantization': 'nf4' };
const streamed: Changes = { 'memory.offload.parameters': 'cpu', 'memory.gradient_checkpointing': 'block' };
const small: Changes = {
  ...quantized,
  'memory.gradient_checkpointing': 'block',
  'training.per_device_train_batch_size': 1,
};

/** By name, as the address bar gives it. */
export const estimateScenes: Readonly<Record<string, EstimateScene>> = {
  budget: { text: config },
  compared: { text: config, changes: small, scenarios: [quantized, streamed] },
  broken: { text: config.replace('lora_alpha: 32', 'lora_alhpa: 32').replace('r: 16', 'r: many') },
  modelless: { text: config, modelless: true },
  loading: { text: config, silent: true },
};
