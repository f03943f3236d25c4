/**
 * `npm run bench:forecast`: how long the editor waits for the memory of a config. A model of the size of SmolLM2-135M
 * (30 blocks, 49 152 tokens) is planned under the techniques that change the plan, as after a keystroke.
 */
import { runConfigSchema } from '../../src/common/config/schema';
import { forecast } from '../../webview/engine/forecast';
import { parseModelConfig } from '../../webview/engine/model/config';

const shape = {
  model_type: 'llama',
  hidden_size: 576,
  intermediate_size: 1536,
  num_hidden_layers: 30,
  num_attention_heads: 9,
  num_key_value_heads: 3,
  vocab_size: 49152,
  max_position_embeddings: 8192,
  tie_word_embeddings: true,
};

const techniques: Readonly<Record<string, { method?: object; memory?: object }>> = {
  LoRA: {},
  'LoRA, checkpointed': { memory: { gradient_checkpointing: 'block' } },
  'QLoRA, checkpointed and offloaded': {
    memory: { quantization: 'nf4', gradient_checkpointing: 'block', offload: { parameters: 'cpu' } },
  },
  'prefix-tuning': { method: { type: 'prefix' } },
  'full fine-tuning': { method: { type: 'full' } },
};

function configOf({ method = {}, memory = {} }: { method?: object; memory?: object }) {
  return runConfigSchema.parse({
    model: './model',
    data: { train: 'train.jsonl', eval: 'eval.jsonl', max_length: 512 },
    method: { type: 'lora', ...method },
    training: { max_steps: 100, learning_rate: 1e-4, gradient_accumulation_steps: 4 },
    memory,
    samples: { prompts: ['Once upon a time'] },
  });
}

const rounds = 8;
const model = parseModelConfig(JSON.stringify(shape), 'a model of the size of SmolLM2-135M');
for (const [name, technique] of Object.entries(techniques)) {
  const config = configOf(technique);
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    forecast(config, model);
    times.push(performance.now() - start);
  }
  const sorted = times.toSorted((a, b) => a - b);
  console.log(
    `${name.padEnd(36)} median ${sorted[rounds / 2].toFixed(1)} ms, first ${times[0].toFixed(1)} ms, slowest ${sorted[rounds - 1].toFixed(1)} ms`,
  );
}
