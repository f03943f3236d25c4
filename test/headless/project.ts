/** A folder with a small model, rows and a config, on which the command line trains for real. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { toProblem, type Problem } from '../../src/common/errors';
import type { EnginePorts } from '../../src/headless/ports';
import { trainCommand } from '../../src/headless/trainCommand';
import { testDevice } from '../engine/harness';
import { smallModel, smallRows, type SmallFamily } from '../engine/smallRun';
import { readRun, type RunOnDisk } from '../workbench/runs';
import { unattended } from './unattended';

export type Content = string | Uint8Array;

/** Writes a fresh project and returns its folder. */
export function makeProject(family: SmallFamily = 'llama'): string {
  const folder = mkdtempSync(join(tmpdir(), 'peft-headless-'));
  const { config, tokenizer, tokenizerConfig, weights } = smallModel(family);
  put(folder, 'model/config.json', config);
  put(folder, 'model/tokenizer.json', tokenizer);
  put(folder, 'model/tokenizer_config.json', tokenizerConfig ?? '{}');
  for (const file of weights) if ('bytes' in file) put(folder, `model/${file.name}`, file.bytes);
  put(folder, 'rows.jsonl', smallRows(17, 3));
  put(folder, 'eval.jsonl', smallRows(5, 4));
  return folder;
}

export function put(folder: string, name: string, content: Content): void {
  mkdirSync(dirname(join(folder, name)), { recursive: true });
  writeFileSync(join(folder, name), content);
}

export function get(folder: string, name: string): Buffer {
  return readFileSync(join(folder, name));
}

/** Overrides of the project's config, section by section. */
export interface Settings {
  readonly model?: string;
  readonly data?: object;
  readonly method?: object;
  readonly training?: object;
  readonly memory?: object;
}

/** Six small steps of LoRA with two checkpoints. JSON is YAML. */
function configText({ model, data, method, training, memory }: Settings): string {
  return JSON.stringify({
    name: 'small',
    model: model ?? './model',
    data: { train: 'rows.jsonl', eval: 'eval.jsonl', max_length: 32, ...data },
    method: { type: 'lora', r: 3, lora_alpha: 6, ...method },
    training: { max_steps: 6, learning_rate: 0.01, per_device_train_batch_size: 3, save_steps: 2, ...training },
    ...(memory ? { memory } : {}),
  });
}

export interface Attempt {
  /** Why it failed; undefined when it trained to its end. */
  readonly problem?: Problem;
  /** The run folder, if it came to that. */
  readonly run?: RunOnDisk;
  /** What it printed: standard output, then standard error. */
  readonly lines: readonly string[];
  readonly shown: string;
}

export interface AttemptOptions {
  /** Folder of the run; `out` in the project by default. */
  readonly out?: string;
  readonly resume?: string;
  /** Events as lines of JSON, as with `--json`. */
  readonly json?: boolean;
  /** Called with each printed line while the run is going on. */
  readonly onLine?: (line: string) => void;
  /** The device that all tests share by default, so that kernels are compiled once. */
  readonly openDevice?: EnginePorts['openDevice'];
}

/** `train` with this config, in this process. */
export async function attempt(folder: string, settings: Settings, options: AttemptOptions = {}): Promise<Attempt> {
  put(folder, 'small.peft.yaml', configText(settings));
  const out = options.out ?? join(folder, 'out');
  const lines: string[] = [];
  let shown = '';
  const ports: EnginePorts = {
    ...unattended(options.openDevice ?? testDevice),
    print: line => {
      lines.push(line);
      options.onLine?.(line);
    },
    show: text => (shown += text),
    entropy: () => 0.5,
  };
  const line = { config: join(folder, 'small.peft.yaml'), sets: [], json: options.json ?? false };
  const problem = await trainCommand({ ...line, command: 'train', out, resume: options.resume }, ports).then(
    () => undefined,
    (error: unknown) => toProblem(error),
  );
  return { problem, run: existsSync(join(out, 'run.json')) ? readRun(out) : undefined, lines, shown };
}

/** Hash of every file of a folder that is no larger than 64 MiB, by path. */
export function snapshot(folder: string): Record<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
  const files = names.map(name => [name, statSync(join(folder, name))] as const).filter(([, stat]) => stat.isFile());
  return Object.fromEntries(
    files.map(([name, { size }]) => {
      const whole = size <= 64 * 2 ** 20;
      return [name, whole ? createHash('sha256').update(get(folder, name)).digest('hex') : String(size)];
    }),
  );
}
