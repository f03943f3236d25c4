import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { nodeGpu } from '../../src/headless/gpu';
import { readConfig, readJob } from '../../src/headless/job';
import { writeFileSet } from '../../src/runs/fileSets';
import { nodeFiles } from '../../src/headless/nodeFiles';
import { Summary } from '../../src/headless/summary';
import { toProblem } from '../../src/common/errors';
import type { TrainJob } from '../../src/common/protocol';
import type { FileSet } from '../../src/common/run/events';
import { decodeToF32, f32Bytes } from '../../webview/engine/formats/dtypes';
import { readSafetensors, writeSafetensors } from '../../webview/engine/formats/safetensors';
import { openMerge } from '../../webview/engine/merge';
import type { EngineValues } from '../../webview/engine/methods/method';
import { openDevice, type OpenDevice } from '../../webview/engine/runtime/device';
import { RunControl } from '../../webview/engine/train/control';
import type { Engine } from '../../webview/engine/train/engine';
import { isPacked } from '../../webview/engine/graph/tensor';
import { tensorCatalog } from '../../webview/engine/model/catalog';
import { parseModelConfig } from '../../webview/engine/model/config';
import { openTensors } from '../../webview/engine/model/source';
import { baseStorage, packedValues, storedType } from '../../webview/engine/model/storage';
import { train } from '../../webview/engine/train/loop';
import { shardsOf } from '../../webview/engine/train/readModel';
import { exhaust } from '../engine/exhaust';
import { stepWords } from '../../webview/engine/runtime/kernel';

/** Prompts of awkward lengths whose last logits are compared after training. */
const prompts = [[5], [9, 3, 77], Array.from({ length: 29 }, (_, i) => (i * 17 + 3) % 131)];

/** Runs one parity case on our engine and writes what the reference script compares. */
async function runCase(folder: string, opened: OpenDevice): Promise<void> {
  const out = join(folder, 'ours');
  await mkdir(out, { recursive: true });
  const config = join(folder, 'case.peft.json');
  const loaded = await readConfig({ command: 'train', config, json: true, sets: [] });
  const { job } = await readJob(withGeneration(loaded), 'parity');
  await dumpPacked(join(out, 'packed.safetensors'), job);
  const summary = new Summary(out);
  const logits: number[][] = [];
  const total = loaded.config.training.max_steps;
  const importance: unknown[] = [];
  const initial = await readInitial(join(folder, 'initial.safetensors'));
  const inspect = async (engine: Engine, step: number) => {
    if (step === 0 && initial) engine.writeTrainables(initial);
    if (step === 1) await dump(join(out, 'gradients.safetensors'), await engine.readGradients());
    if (step !== total) return;
    await dump(join(out, 'final.safetensors'), (await engine.readTrainables(false)).parameters);
    for (const prompt of prompts) logits.push([...(await engine.logits(prompt, new Uint32Array(stepWords)))]);
  };
  const ports = { opened, now: () => performance.now(), control: new RunControl(() => undefined), inspect };
  for await (const output of train(job, ports)) {
    summary.add(output);
    if (output.kind === 'event' && output.event.type === 'importance') importance.push(output.event);
    if (output.kind !== 'result') continue;
    await writeFileSet(nodeFiles(out), 'adapter', output.files);
    if (job.config.method.type === 'lora') await writeMerged(join(out, 'merged.safetensors'), job, output.files);
  }
  await writeFile(join(out, 'summary.json'), JSON.stringify({ ...summary.json(), prompts, logits, importance }));
}

/** The weights of the model with the adapter merged into them. */
async function writeMerged(path: string, { config, model }: TrainJob, adapter: FileSet): Promise<void> {
  const { memory } = config;
  const merge = openMerge({ config: model.config, label: model.label, adapter, memory, into: 'file', dtype: 'f32' });
  for (const { name, source } of shardsOf(model))
    await writeFile(path, exhaust(merge.shard(name, source.slice(0, source.size).slice())));
  merge.finish();
}

/** Start values by our parameter names, where the method has no adapter file that holds them all. */
async function readInitial(path: string): Promise<EngineValues | undefined> {
  if (!existsSync(path)) return undefined;
  const bytes = new Uint8Array(await readFile(path));
  const { tensors } = readSafetensors(bytes, path);
  const parameters = new Map(
    [...tensors].map(([name, t]) => [name, decodeToF32(t.dtype, bytes.subarray(t.begin, t.end))]),
  );
  return { parameters, m: new Map(), v: new Map(), states: new Map() };
}

/** Plans the generation program, which `logits` needs, without spending time on samples at each evaluation. */
function withGeneration<T extends Awaited<ReturnType<typeof readConfig>>>(loaded: T): T {
  const samples = { ...loaded.config.samples, prompts: ['w1'], max_new_tokens: 40, temperature: 0 };
  return { ...loaded, config: { ...loaded.config, samples } };
}

/** The matrices that the run stores in blocks, in the words it uploads. */
async function dumpPacked(path: string, { config, model }: TrainJob): Promise<void> {
  const shape = parseModelConfig(model.config, model.label);
  const source = openTensors(shardsOf(model), shape);
  const storage = baseStorage(config.memory);
  const entries = tensorCatalog(shape).flatMap(spec => {
    const dtype = storedType(spec, storage);
    if (!isPacked(dtype)) return [];
    const words = packedValues(source.read(spec.name), spec, dtype);
    return [[spec.name, { dtype: 'U32', shape: [words.length], bytes: new Uint8Array(words.buffer) }] as const];
  });
  if (entries.length > 0) await writeFile(path, writeSafetensors(new Map(entries)));
}

async function dump(path: string, tensors: ReadonlyMap<string, Float32Array>): Promise<void> {
  const entries = [...tensors].map(
    ([name, data]) => [name, { dtype: 'F32', shape: [data.length], bytes: f32Bytes(data) }] as const,
  );
  await writeFile(path, writeSafetensors(new Map(entries), { format: 'pt' }));
}

/** Trains each case and tells it on a line of standard output; a case that fails does not keep the others from training. */
async function main(folders: readonly string[]): Promise<void> {
  const opened = await openDevice(nodeGpu());
  for (const folder of folders) {
    const name = basename(folder);
    const error = await runCase(folder, opened).then(
      () => undefined,
      (thrown: unknown) => `${JSON.stringify(toProblem(thrown))}\n${thrown instanceof Error ? thrown.stack : ''}`,
    );
    process.stdout.write(`${JSON.stringify({ name, error })}\n`);
  }
}

main(process.argv.slice(2)).then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${JSON.stringify(toProblem(error))}\n${error instanceof Error ? error.stack : ''}\n`);
    process.exit(1);
  },
);
