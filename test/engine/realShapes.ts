import { runConfigSchema, type RunConfig } from '../../src/common/config/schema';

const llama = { model_type: 'llama', max_position_embeddings: 8192, tie_word_embeddings: true };

/** The `config.json` of models that people fine-tune, as far as it decides shapes. */
export const realShapes = {
  'GPT-2': { model_type: 'gpt2', vocab_size: 50257, n_embd: 768, n_layer: 12, n_head: 12, n_positions: 1024 },
  'SmolLM2-135M': {
    ...llama,
    vocab_size: 49152,
    hidden_size: 576,
    intermediate_size: 1536,
    num_hidden_layers: 30,
    num_attention_heads: 9,
    num_key_value_heads: 3,
  },
  'SmolLM2-360M': {
    ...llama,
    vocab_size: 49152,
    hidden_size: 960,
    intermediate_size: 2560,
    num_hidden_layers: 32,
    num_attention_heads: 15,
    num_key_value_heads: 5,
  },
  'Qwen2-0.5B': {
    ...llama,
    model_type: 'qwen2',
    vocab_size: 151936,
    hidden_size: 896,
    intermediate_size: 4864,
    num_hidden_layers: 24,
    num_attention_heads: 14,
    num_key_value_heads: 2,
  },
} as const;

export type RealShape = keyof typeof realShapes;

export function realConfig(name: RealShape, blocks?: number): string {
  const shape = realShapes[name];
  const layers = 'n_layer' in shape ? 'n_layer' : 'num_hidden_layers';
  return JSON.stringify({ ...shape, eos_token_id: 0, bos_token_id: 0, ...(blocks ? { [layers]: blocks } : {}) });
}

/** One example of `tokens` tokens a step. */
export function realRunConfig(tokens: number, method: object, memory: object): RunConfig {
  return runConfigSchema.parse({
    model: './model',
    data: { train: 'rows.jsonl', max_length: tokens },
    method,
    training: {
      max_steps: 1,
      learning_rate: 0.01,
      per_device_train_batch_size: 1,
      gradient_accumulation_steps: 1,
      save_steps: 0,
      importance_steps: 0,
    },
    memory,
    samples: { prompts: [] },
  });
}
