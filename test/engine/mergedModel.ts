import type { TrainJob } from '../../src/common/protocol';
import type { FileSet } from '../../src/common/run/events';
import { openMerge, type MergeRequest } from '../../webview/engine/merge';
import { decodeToF32, encodeF32 } from '../../webview/engine/formats/dtypes';
import { readSafetensors, writeSafetensors, type TensorData } from '../../webview/engine/formats/safetensors';
import { stepWords } from '../../webview/engine/runtime/kernel';
import type { Engine } from '../../webview/engine/train/engine';
import { exhaust } from './exhaust';
import { runJob, smallJob, type SmallFamily } from './smallRun';

/** The text behind the logits. */
export const text = [5, 9, 3, 44, 12];

/** Files that a run exports, and its logits for a short text after its last step. */
export async function trained(job: TrainJob): Promise<{ files: FileSet; logits: Float32Array }> {
  let logits = new Float32Array();
  const last = job.config.training.max_steps;
  const inspect = async (engine: Engine, step: number) => {
    if (step === last) logits = await logitsOf(engine);
  };
  const result = (await runJob(job, { inspect })).at(-1);
  if (result?.kind !== 'result') throw new Error('The run has no result.');
  return { files: result.files, logits };
}

/** Weights of a job's model with an adapter merged into them; f32 and into the file by default. */
export function mergedWeights(job: TrainJob, adapter: FileSet, options: Partial<MergeRequest> = {}) {
  const merge = openMerge({
    config: job.model.config,
    label: job.model.label,
    adapter,
    memory: job.config.memory,
    into: 'file',
    dtype: 'f32',
    ...options,
  });
  const weights = job.model.weights.map(file => {
    if (!('bytes' in file)) throw new Error('The weights are not there.');
    return { name: file.name, bytes: exhaust(merge.shard(file.name, file.bytes.slice())) };
  });
  merge.finish();
  return { weights, config: merge.config };
}

/** Logits of the small model with other weights, before any step. */
export async function plainLogits(family: SmallFamily, weights: TrainJob['model']['weights'], config?: string) {
  const plain = smallJob(family, { method: { init_lora_weights: true }, training: { max_steps: 1 } });
  let logits = new Float32Array();
  const inspect = async (engine: Engine, step: number) => {
    if (step === 0) logits = await logitsOf(engine);
  };
  const model = { ...plain.model, weights, config: config ?? plain.model.config };
  await runJob({ ...plain, model }, { inspect });
  return logits;
}

/** A job whose model has its weights in another type. */
export function stored(job: TrainJob, dtype: 'F16' | 'BF16'): TrainJob {
  const weights = job.model.weights.map(file => {
    if (!('bytes' in file)) throw new Error('The weights are not there.');
    const tensors = [...readSafetensors(file.bytes, file.name).tensors].map(([name, entry]): [string, TensorData] => {
      const values = decodeToF32(entry.dtype, file.bytes.subarray(entry.begin, entry.end));
      return [name, { dtype, shape: entry.shape, bytes: encodeF32(dtype, values) }];
    });
    return { name: file.name, bytes: writeSafetensors(new Map(tensors), { format: 'pt' }) };
  });
  return { ...job, model: { ...job.model, weights } };
}

async function logitsOf(engine: Engine): Promise<Float32Array<ArrayBuffer>> {
  return new Float32Array(await engine.logits(text, new Uint32Array(stepWords)));
}
