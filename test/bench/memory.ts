/**
 * `npm run bench:memory`: what each way to save memory saves and costs, on a model of 30 blocks with random weights.
 * Runs take turns within a round, and the fastest step of all rounds counts, so that other work on the machine hits all
 * of them alike. Bytes are those that the engine asked of the device and the host.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeDisk } from '../../src/headless/nodeDisk';
import { nodeGpu } from '../../src/headless/gpu';
import type { TrainJob } from '../../src/common/protocol';
import type { MemoryBytes } from '../../src/common/run/events';
import { openDevice, type OpenDevice } from '../../webview/engine/runtime/device';
import { RunControl } from '../../webview/engine/train/control';
import { train } from '../../webview/engine/train/loop';
import { randomModel, smallConfig, type Overrides } from '../engine/smallRun';

const steps = 3;
const rounds = Number(process.argv[2] ?? 3);
const MiB = 2 ** 20;

const model = randomModel(
  {
    model_type: 'llama',
    vocab_size: 2048,
    hidden_size: 128,
    intermediate_size: 256,
    num_hidden_layers: 30,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    max_position_embeddings: 128,
    tie_word_embeddings: true,
    eos_token_id: 0,
    bos_token_id: 0,
  },
  '30 blocks',
);

/** Eight rows of 64 tokens: each step takes them all. */
const rows = new TextEncoder().encode(
  Array.from({ length: 8 }, (_, row) => {
    const ids = Array.from({ length: 64 }, (_, place) => 1 + ((row * 64 + place) % 2000));
    return JSON.stringify({ input_ids: ids, labels: ids });
  }).join('\n'),
);

interface Variant {
  readonly name: string;
  /** The variant that its time and memory are held against. */
  readonly against?: string;
  readonly full?: boolean;
  /** Micro-batches of a step. */
  readonly accumulation?: number;
  readonly memory?: object;
}

const block = { gradient_checkpointing: 'block' };
const lora = 'LoRA';
const full = 'full';
const waiting = (offload: object) => ({ ...block, offload });
const everything = (place: string) => ({ parameters: place, optimizer: place, activations: place });

const variants: readonly Variant[] = [
  { name: lora },
  { name: 'LoRA, 4 micro-batches', against: lora, accumulation: 4 },
  { name: 'LoRA, block checkpointing', against: lora, memory: block },
  { name: 'LoRA, block checkpointing, 4 micro-batches', against: lora, accumulation: 4, memory: block },
  { name: 'LoRA, parameters on the CPU', against: lora, memory: { offload: { parameters: 'cpu' } } },
  { name: 'LoRA, parameters on disk', against: lora, memory: { offload: { parameters: 'disk' } } },
  { name: 'LoRA, block checkpointing, activations on the CPU', against: lora, memory: waiting({ activations: 'cpu' }) },
  { name: 'LoRA, block checkpointing, activations on disk', against: lora, memory: waiting({ activations: 'disk' }) },
  { name: full, full: true },
  { name: 'full, optimizer on the CPU', against: full, full: true, memory: { offload: { optimizer: 'cpu' } } },
  { name: 'full, optimizer on disk', against: full, full: true, memory: { offload: { optimizer: 'disk' } } },
  { name: 'full, all of it on the CPU', against: full, full: true, memory: waiting(everything('cpu')) },
  { name: 'full, all of it on disk', against: full, full: true, memory: waiting(everything('disk')) },
];

interface Measured {
  bytes: MemoryBytes;
  readonly stepMs: number[];
}

function jobOf({ full, accumulation = 1, memory }: Variant): TrainJob {
  const overrides: Overrides = {
    full,
    data: { max_length: 64, eval: undefined },
    method: full ? undefined : { target_modules: 'all-linear' },
    training: {
      max_steps: steps,
      per_device_train_batch_size: 8 / accumulation,
      gradient_accumulation_steps: accumulation,
      eval_steps: steps,
      save_steps: 0,
      importance_steps: 0,
    },
    memory,
    samples: { prompts: [] },
  };
  const config = smallConfig(overrides);
  return { runId: 'bench', config, model, train: rows, trainLabel: 'rows' };
}

async function measure(opened: OpenDevice, variant: Variant, into: Measured): Promise<void> {
  const ports = {
    opened,
    now: () => performance.now(),
    control: new RunControl(() => undefined),
    disk: nodeDisk(tmpdir()),
  };
  for await (const output of train(jobOf(variant), ports)) {
    if (output.kind !== 'event') continue;
    const { event } = output;
    if (event.type === 'memory') into.bytes = event.measured;
    // The first step compiles what is not compiled yet.
    if (event.type === 'metrics' && event.step > 1) into.stepMs.push(event.stepMs);
  }
}

const opened = await openDevice(nodeGpu());
const results = new Map<string, Measured>(variants.map(({ name }) => [name, { bytes: {}, stepMs: [] }]));
for (let round = 1; round <= rounds; round++)
  for (const variant of variants) {
    console.error(`round ${round} of ${rounds}: ${variant.name}`);
    await measure(opened, variant, results.get(variant.name) as Measured);
  }

function row(variant: Variant): string {
  const { bytes, stepMs } = results.get(variant.name) as Measured;
  const base = results.get(variant.against ?? variant.name) as Measured;
  const { offloadedCpu = 0, offloadedDisk = 0, ...device } = bytes;
  const mib = (count: number) => (count === 0 ? '' : (count / MiB).toFixed(1));
  const total = Object.values(device).reduce((sum, count) => sum + count, 0);
  const slowdown = Math.min(...stepMs) / Math.min(...base.stepMs);
  const cells = [device.activations ?? 0, total, offloadedCpu, offloadedDisk].map(mib);
  return `| ${[variant.name, ...cells, `${slowdown.toFixed(2)} ×`].join(' | ')} |`;
}

const head = ['Run', 'Activations, MiB', 'GPU, MiB', 'Host, MiB', 'Disk, MiB', 'Time a step'];
const table = [`| ${head.join(' | ')} |`, `| --- |${' ---: |'.repeat(head.length - 1)}`, ...variants.map(row)].join(
  '\n',
);
mkdirSync('bench-out', { recursive: true });
writeFileSync(join('bench-out', 'memory.json'), `${JSON.stringify(Object.fromEntries(results), null, 2)}\n`);
console.log(
  `\n${opened.info.description || opened.info.architecture}\n\n${table}\n\nbench: written to bench-out/memory.json`,
);
process.exit(0);
