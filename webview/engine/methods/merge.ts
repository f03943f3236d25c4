import { problem } from '../../../src/common/errors';
import type { LoraAdapter } from '../formats/peftAdapter';
import { elements } from '../graph/tensor';
import { tensorCatalog, type ModuleSpec } from '../model/catalog';
import type { ModelConfig } from '../model/config';
import type { LoraModule } from './lora';
import type { TensorValues } from './method';

/** What a weight becomes by a merge: f32 values in the layout of the file in, as many others out. */
export type WeightChange = (base: Float32Array) => Float32Array;

/** Changes of a merge by catalog name. Each is computed when its weight is there, so that one update is in memory. */
export type WeightChanges = ReadonlyMap<string, WeightChange>;

/** What a LoRA adapter holds: its matrices, and base tensors that were trained with them. */
export interface LoraParts {
  readonly modules: readonly LoraModule[];
  /** A and B by the modules' names for them. */
  readonly tensors: TensorValues;
  /** Base tensors that replace those of the model, by catalog name. */
  readonly base?: TensorValues;
}

/**
 * W + ΔW with ΔW = s·B·A for each LoRA module (PEFT's `get_delta_weight`), transposed for Conv1D, summed in f64; base
 * tensors that were trained too take the place of the model's, as in PEFT's `merge_and_unload`.
 * @throws `merge.tied` for an output head that shares the embedding: the sum would change the embedding as well;
 * `merge.tensor` for tensors that fit no weight.
 */
export function loraChanges({ modules, tensors, base = new Map() }: LoraParts, model: ModelConfig): WeightChanges {
  const changes = new Map<string, WeightChange>();
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
    changes.set(`${module.path}.weight`, values => plusLowRank(values, { a, b, rank, scale }, module));
  }
  const catalog = tensorCatalog(model);
  for (const [name, values] of base) {
    const spec = catalog.find(candidate => candidate.name === name);
    if (spec === undefined || elements(spec.shape) !== values.length) throw misfit(name, values.length);
    changes.set(name, () => values);
  }
  return changes;
}

/** The changes of a LoRA adapter as it was read from its files. Throws what {@link loraChanges} throws. */
export function loraFileChanges({ targets, tensors, base, config }: LoraAdapter, model: ModelConfig): WeightChanges {
  const modules = targets.map(target => ({
    ...target,
    scale: target.alpha / (config.use_rslora ? Math.sqrt(target.rank) : target.rank),
    nameA: `${target.module.path}.lora_A.weight`,
    nameB: `${target.module.path}.lora_B.weight`,
  }));
  return loraChanges({ modules, tensors, base }, model);
}

interface Factors {
  readonly a: Float32Array;
  readonly b: Float32Array;
  readonly rank: number;
  readonly scale: number;
}

function plusLowRank(
  base: Float32Array,
  { a, b, rank, scale }: Factors,
  { in: inner, out: outer, layout }: ModuleSpec,
): Float32Array {
  const sum = new Float32Array(inner * outer);
  const [rowStep, columnStep] = layout === 'oi' ? [inner, 1] : [1, outer];
  const row = new Float64Array(inner);
  for (let o = 0; o < outer; o++) {
    row.fill(0);
    for (let r = 0; r < rank; r++) {
      const factor = scale * b[o * rank + r];
      for (let i = 0; i < inner; i++) row[i] += factor * a[r * inner + i];
    }
    for (let i = 0; i < inner; i++) {
      const at = o * rowStep + i * columnStep;
      sum[at] = base[at] + row[i];
    }
  }
  return sum;
}

function misfit(name: string, count: number) {
  return problem(
    'merge.tensor',
    `${name} with ${count} values fits no weight of this model.`,
    'Merge into the model that the adapter was trained on.',
  );
}
