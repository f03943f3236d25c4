/** The command line in a process of its own, with the most memory that it had resident. */
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MemoryBytes } from '../../src/common/run/events';

export interface Measured {
  /** Lines of standard output, each an object. */
  readonly lines: readonly unknown[];
  /** Bytes resident at most. On a software adapter the memory of the GPU is among them. */
  readonly peak: number;
  readonly seconds: number;
}

/** Runs `dist/headless.mjs` with `--json`. Throws what it says when it fails. */
export function measured(folder: string, argv: readonly string[]): Measured {
  const peakFile = join(folder, 'peak');
  const start = performance.now();
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--import', './test/large/peak.mjs', 'dist/headless.mjs', ...argv, '--json'],
    { env: { ...process.env, PEFT_PEAK_FILE: peakFile }, encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`${argv[0]} ended with ${status}: ${stderr}`);
  const lines = stdout.trim().split('\n');
  return {
    lines: lines.map(line => JSON.parse(line) as unknown),
    peak: Number(readFileSync(peakFile, 'utf8')),
    seconds: (performance.now() - start) / 1000,
  };
}

export interface TrainedLarge extends Measured {
  readonly losses: readonly number[];
  readonly forecast: MemoryBytes;
  readonly measured: MemoryBytes;
}

/** What is offloaded and how much the GPU may hold. */
export interface LargeRun {
  readonly steps: number;
  readonly budgetMib: number;
}

const memory = { quantization: 'f16', offload: { parameters: 'disk' } };

/** Trains LoRA on the model in `folder`, its frozen matrices streamed. */
export function trainLarge(folder: string, { steps, budgetMib }: LargeRun): TrainedLarge {
  const rows = Array.from({ length: 8 }, (_, row) => {
    const words = Array.from({ length: 16 }, (__, word) => `w${1 + ((row * 31 + word * 17) % 500)}`);
    return JSON.stringify({ text: words.join(' ') });
  });
  writeFileSync(join(folder, 'rows.jsonl'), rows.join('\n'));
  const config = {
    model: './model',
    data: { train: 'rows.jsonl', max_length: 32 },
    method: { type: 'lora', r: 8, lora_alpha: 16, target_modules: ['q_proj', 'v_proj'] },
    training: { max_steps: steps, per_device_train_batch_size: 1, learning_rate: 0.001 },
    memory: { ...memory, budget_mib: budgetMib },
  };
  writeFileSync(join(folder, 'large.peft.yaml'), JSON.stringify(config));
  rmSync(join(folder, 'out'), { recursive: true, force: true });
  const run = measured(folder, ['train', join(folder, 'large.peft.yaml'), '--out', join(folder, 'out')]);
  const summary = run.lines.at(-1) as {
    losses: number[];
    forecastBytes: MemoryBytes;
    measuredBytes: MemoryBytes;
  };
  return { ...run, losses: summary.losses, forecast: summary.forecastBytes, measured: summary.measuredBytes };
}

/** Completes a prompt with the model in `folder` and the adapter that {@link trainLarge} left there. */
export function generateLarge(folder: string, tokens: number): Measured & { readonly tokens: number } {
  const sets = Object.entries({
    'memory.quantization': memory.quantization,
    'memory.offload.parameters': memory.offload.parameters,
    'samples.max_new_tokens': tokens,
  }).flatMap(([path, value]) => ['--set', `${path}=${value}`]);
  const adapter = ['--adapter', join(folder, 'out/adapter')];
  const prompt = ['--prompt', 'w1 w2 w3', '--rows', '32'];
  const run = measured(folder, ['generate', join(folder, 'model'), ...adapter, ...prompt, ...sets]);
  return { ...run, tokens: (run.lines[0] as { tokens: number }).tokens };
}

/** Bytes on the device. */
export function onDevice({ offloadedCpu: _, offloadedDisk: __, ...rest }: MemoryBytes): number {
  return Object.values(rest).reduce((sum, bytes) => sum + bytes, 0);
}
