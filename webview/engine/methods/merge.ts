import { problem } from '../../../src/common/errors';
import { firstNonFinite } from '../formats/dtypes';
import { elements } from '../graph/tensor';
import { tensorCatalog } from '../model/catalog';
import type { ModelConfig } from '../model/config';
import type { TensorSource } from '../model/source';
import { roundedSource, type BaseStorage } from '../model/storage';
import type { LoraModule } from './lora';
import type { TensorValues } from './method';

/**
 * What an update is added to: the weights of the model's file, or those that training saw (rounded to f16, or quantized
 * and brought back). The latter keep the outputs of the trained model; see lint rule Q08.
 */
export type MergeInto = 'file' | 'dequantized';

export interface MergeInput {
  readonly model: ModelConfig;
  readonly source: TensorSource;
  /** How the run stored the base. */
  readonly storage: BaseStorage;
  readonly into: MergeInto;
  /** ΔW by catalog name, in the layout of the file. */
  readonly updates: TensorValues;
}

/**
 * Every weight of the model in f32, with the updates added; `writeFullModel` makes a folder of them. The result is never
 * quantized again.
 * @throws `merge.tensor` for an update that fits no weight, `merge.nonfinite` where a sum is not finite.
 */
export function mergeWeights({ model, source, storage, into, updates }: MergeInput): Map<string, Float32Array> {
  const base = into === 'file' ? source : roundedSource(source, model, storage);
  const catalog = tensorCatalog(model);
  for (const [name, update] of updates) {
    const spec = catalog.find(candidate => candidate.name === name);
    if (spec === undefined || elements(spec.shape) !== update.length) throw misfit(name, update.length);
  }
  return new Map(catalog.map(({ name }) => [name, sum(name, base.read(name), updates.get(name))]));
}

/**
 * ΔW = s·B·A of each LoRA module (PEFT's `get_delta_weight`), transposed for Conv1D.
 * @throws `merge.tied` for an output head that shares the embedding: the sum would change the embedding as well.
 */
export function loraUpdates(
  modules: readonly LoraModule[],
  model: ModelConfig,
  tensors: TensorValues,
): Map<string, Float32Array> {
  const updates = new Map<string, Float32Array>();
  for (const { module, rank, scale, nameA, nameB } of modules) {
    if (module.isOutputHead && model.tiedEmbeddings)
      throw problem(
        'merge.tied',
        `${module.path} shares its weight with the token embedding; merging its adapter would change both.`,
        'Export the adapter instead, or train without lm_head in target_modules.',
      );
    const [a, b] = [tensors.get(nameA), tensors.get(nameB)];
    if (a?.length !== rank * module.in) throw misfit(nameA, a?.length ?? 0);
    if (b?.length !== rank * module.out) throw misfit(nameB, b?.length ?? 0);
    updates.set(`${module.path}.weight`, lowRank({ a, b, rank, scale }, module));
  }
  return updates;
}

interface Factors {
  readonly a: Float32Array;
  readonly b: Float32Array;
  readonly rank: number;
  readonly scale: number;
}

function lowRank(
  { a, b, rank, scale }: Factors,
  { in: inner, out: outer, layout }: LoraModule['module'],
): Float32Array {
  const update = new Float32Array(inner * outer);
  const [rowStep, columnStep] = layout === 'oi' ? [inner, 1] : [1, outer];
  const row = new Float64Array(inner);
  for (let o = 0; o < outer; o++) {
    row.fill(0);
    for (let r = 0; r < rank; r++) {
      const factor = scale * b[o * rank + r];
      for (let i = 0; i < inner; i++) row[i] += factor * a[r * inner + i];
    }
    for (let i = 0; i < inner; i++) update[o * rowStep + i * columnStep] = row[i];
  }
  return update;
}

function sum(name: string, base: Float32Array, update: Float32Array | undefined): Float32Array {
  if (update === undefined) return base;
  const merged = base.map((value, i) => value + update[i]);
  const bad = firstNonFinite(merged);
  if (bad < 0) return merged;
  throw problem(
    'merge.nonfinite',
    `${name} would be ${merged[bad]} at element ${bad} after the merge.`,
    'The adapter has diverged; merge an earlier checkpoint.',
  );
}

function misfit(name: string, count: number) {
  return problem(
    'merge.tensor',
    `${name} with ${count} values fits no weight of this model.`,
    'Merge into the model that the adapter was trained on.',
  );
}
