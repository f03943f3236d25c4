import { strict as assert } from 'node:assert';
import { runConfigSchema, type RunConfig } from '../../src/common/config/schema';
import type { ModelFiles, TrainJob } from '../../src/common/protocol';
import type { FileSet, TrainEvent, TrainOutput } from '../../src/common/run/events';
import { f32Bytes } from '../../webview/engine/formats/dtypes';
import { writeSafetensors } from '../../webview/engine/formats/safetensors';
import { tensorCatalog } from '../../webview/engine/model/catalog';
import { parseModelConfig } from '../../webview/engine/model/config';
import { elements } from '../../webview/engine/graph/tensor';
import { RunControl } from '../../webview/engine/train/control';
import { train, type TrainPorts } from '../../webview/engine/train/loop';
import { randomArray, testDevice } from './harness';
import { watchedDisk } from './watchedDisk';

const vocabulary = 61;

const llama = {
  model_type: 'llama',
  vocab_size: vocabulary,
  hidden_size: 24,
  intermediate_size: 40,
  num_hidden_layers: 2,
  num_attention_heads: 3,
  num_key_value_heads: 1,
  max_position_embeddings: 48,
  tie_word_embeddings: true,
  eos_token_id: 0,
  bos_token_id: 0,
};

const configs = {
  llama,
  /** More blocks than there are slots for them on the device. */
  deep: { ...llama, num_hidden_layers: 5 },
  gpt2: {
    model_type: 'gpt2',
    vocab_size: vocabulary,
    n_embd: 24,
    n_layer: 2,
    n_head: 3,
    n_positions: 48,
    eos_token_id: 0,
    bos_token_id: 0,
  },
};

export type SmallFamily = keyof typeof configs;

/** A small model with random weights; its tokenizer splits words `w1` … `w60`. */
export function smallModel(family: SmallFamily): ModelFiles {
  return randomModel(configs[family], `small ${family}`);
}

/** A model of a `config.json`, of 61 tokens or more, with random weights and the tokenizer of the small ones. */
export function randomModel(shape: object, label: string): ModelFiles {
  const config = JSON.stringify(shape);
  const tensors = tensorCatalog(parseModelConfig(config, label)).map(({ name, shape, kind }, index) => {
    const values = randomArray(elements(shape), index + 1, 0.2);
    if (kind === 'norm' && name.endsWith('weight')) values.forEach((value, i) => (values[i] = 1 + value));
    return [name, { dtype: 'F32', shape, bytes: f32Bytes(values) }] as const;
  });
  return {
    label,
    config,
    tokenizer: wordTokenizer(vocabulary),
    tokenizerConfig: JSON.stringify({ eos_token: '<end>' }),
    weights: [{ name: 'model.safetensors', bytes: writeSafetensors(new Map(tensors), { format: 'pt' }) }],
  };
}

/** A `tokenizer.json` of `<end>` and the words `w1`, `w2` …, as many as there are ids. */
export function wordTokenizer(ids: number): string {
  const vocab: Record<string, number> = { '<end>': 0 };
  for (let id = 1; id < ids; id++) vocab[`w${id}`] = id;
  return JSON.stringify({
    version: '1.0',
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: { type: 'Whitespace' },
    post_processor: null,
    decoder: null,
    model: {
      type: 'WordPiece',
      vocab,
      unk_token: '<end>',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
    },
  });
}

/** Rows of unequal lengths with masked prompts. */
export function smallRows(count: number, seed: number): Uint8Array {
  const random = randomArray(count * 40, seed);
  let next = 0;
  const draw = (most: number) => Math.floor(((random[next++ % random.length] + 1) / 2) * most);
  const lines = Array.from({ length: count }, () => {
    const ids = Array.from({ length: 4 + draw(14) }, () => 1 + draw(vocabulary - 1));
    const labels = ids.map((id, i) => (i < 2 ? -100 : id));
    return JSON.stringify({ input_ids: ids, labels });
  });
  return new TextEncoder().encode(lines.join('\n'));
}

/** Overrides of a config, section by section. */
export interface Overrides {
  /** Full fine-tuning; otherwise `method`, LoRA if it names no type. */
  readonly full?: boolean;
  readonly method?: object;
  readonly data?: object;
  readonly training?: object;
  readonly memory?: object;
  readonly samples?: object;
}

export function smallConfig(overrides: Overrides = {}): RunConfig {
  return runConfigSchema.parse({
    model: './model',
    data: { train: 'rows.jsonl', eval: 'eval.jsonl', max_length: 32, ...overrides.data },
    method: methodOf(overrides),
    training: {
      max_steps: 6,
      learning_rate: 0.01,
      per_device_train_batch_size: 3,
      per_device_eval_batch_size: 4,
      gradient_accumulation_steps: 2,
      warmup_steps: 2,
      eval_steps: 3,
      save_steps: 3,
      importance_steps: 2,
      ...overrides.training,
    },
    memory: { ...overrides.memory },
    samples: { prompts: ['w5 w6'], max_new_tokens: 3, ...overrides.samples },
  });
}

/** A method that names its type is complete; other keys change a small LoRA. */
function methodOf({ full, method = {} }: Overrides): object {
  if (full) return { type: 'full' };
  return 'type' in method ? method : { type: 'lora', r: 3, lora_alpha: 6, init_lora_weights: false, ...method };
}

export function smallJob(family: SmallFamily, overrides: Overrides = {}, job: Partial<TrainJob> = {}): TrainJob {
  return {
    runId: 'test',
    config: smallConfig(overrides),
    model: smallModel(family),
    train: smallRows(17, 3),
    trainLabel: 'rows.jsonl',
    eval: smallRows(5, 4),
    evalLabel: 'eval.jsonl',
    ...job,
  };
}

/** Runs a job to its end on the test device and gives everything it yields. */
export async function runJob(job: TrainJob, ports: Partial<TrainPorts> = {}): Promise<TrainOutput[]> {
  const opened = await testDevice();
  const outputs: TrainOutput[] = [];
  let clock = 0;
  const defaults = { opened, now: () => (clock += 10), control: new RunControl(() => undefined), disk: watchedDisk() };
  for await (const output of train(job, { ...defaults, ...ports })) outputs.push(output);
  return outputs;
}

/** The events of one type among outputs. */
export function eventsOf<T extends TrainEvent['type']>(
  outputs: readonly TrainOutput[],
  type: T,
): Extract<TrainEvent, { type: T }>[] {
  return outputs.flatMap(output =>
    output.kind === 'event' && output.event.type === type ? [output.event as Extract<TrainEvent, { type: T }>] : [],
  );
}

/** The loss of each optimizer step. */
export function lossesOf(outputs: readonly TrainOutput[]): number[] {
  return eventsOf(outputs, 'metrics').map(event => event.loss);
}

/** The files of the result, which must be the last output. */
export function resultOf(outputs: readonly TrainOutput[]): FileSet {
  const last = outputs.at(-1);
  assert.ok(last?.kind === 'result');
  return last.files;
}

/** The files of the checkpoint after a step. */
export function checkpointAt(outputs: readonly TrainOutput[], step: number): FileSet {
  const found = outputs.find(output => output.kind === 'checkpoint' && output.step === step);
  assert.ok(found?.kind === 'checkpoint');
  return found.files;
}
