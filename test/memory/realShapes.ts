import { runConfigSchema, type RunConfig } from '../../src/common/config/schema';
import type { ByteSource, ModelFiles, TrainJob } from '../../src/common/protocol';
import { layOutSafetensors } from '../../webview/engine/formats/safetensors';
import { elements } from '../../webview/engine/graph/tensor';
import { tensorCatalog } from '../../webview/engine/model/catalog';
import { parseModelConfig } from '../../webview/engine/model/config';
import { defaultDevice } from '../engine/harness';
import { eventsOf, runJob, wordTokenizer } from '../engine/smallRun';

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

/**
 * One LoRA step, checkpointed and with activations off the device, of a model of a real shape with random weights on
 * `tokens` random tokens of its vocabulary.
 */
export function realJob(name: RealShape, tokens: number, blocks?: number): TrainJob {
  const { vocab_size: vocabulary } = realShapes[name];
  const memory = { gradient_checkpointing: 'block', offload: { activations: 'cpu' } };
  const ids = Array.from({ length: tokens }, (_, index) => hash(index) % vocabulary);
  return {
    runId: 'test',
    config: realRunConfig(tokens, { type: 'lora', init_lora_weights: true }, memory),
    model: randomModel(name, realConfig(name, blocks)),
    train: new TextEncoder().encode(JSON.stringify({ input_ids: ids })),
    trainLabel: 'rows.jsonl',
  };
}

/** Does the step on a device of its own that grants the defaults of WebGPU. */
export async function realStep(name: RealShape, tokens: number, blocks?: number) {
  const opened = await defaultDevice();
  try {
    const outputs = await runJob(realJob(name, tokens, blocks), { opened });
    const [memory] = eventsOf(outputs, 'memory');
    const [metrics] = eventsOf(outputs, 'metrics');
    return { ...memory, ...metrics };
  } finally {
    opened.device.destroy();
  }
}

/** A model whose weights are computed where they are read, so that nobody holds or writes them. */
function randomModel(label: string, config: string): ModelFiles {
  return {
    label,
    config,
    tokenizer: wordTokenizer(2),
    tokenizerConfig: JSON.stringify({ eos_token: '<end>' }),
    weights: [{ name: 'model.safetensors', source: randomFile(config) }],
  };
}

/** A safetensors file of f32: ones for norms, else values spread evenly over ±0.035 (a deviation of 0.02). */
function randomFile(config: string): ByteSource {
  const catalog = tensorCatalog(parseModelConfig(config, 'config.json'));
  const { start, offsets, size } = layOutSafetensors(
    new Map(catalog.map(({ name, shape }) => [name, { dtype: 'F32', shape }])),
  );
  const norms = catalog.flatMap(({ name, shape, kind }) => {
    const begin = offsets.get(name) ?? 0;
    return kind === 'norm' && name.endsWith('weight') ? [{ begin, end: begin + elements(shape) * 4 }] : [];
  });
  return {
    size,
    slice: (begin, end) => {
      if (end <= start.length) return start.subarray(begin, end);
      const one = norms.some(norm => begin >= norm.begin && begin < norm.end);
      const first = (begin - start.length) / 4;
      const values = Float32Array.from({ length: (end - begin) / 4 }, (_, index) =>
        one ? 1 : (hash(first + index) / 2 ** 32 - 0.5) * 0.07,
      );
      return new Uint8Array(values.buffer);
    },
  };
}

/** A word that looks random (the finalizer of MurmurHash3). */
function hash(index: number): number {
  let word = (index + 1) >>> 0;
  word = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
  return (word ^ (word >>> 16)) >>> 0;
}
