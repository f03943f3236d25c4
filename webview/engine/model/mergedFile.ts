import { problem } from '../../../src/common/errors';
import { inMemory } from '../formats/byteSource';
import { decodeToF32, encodeF32, firstNonFinite } from '../formats/dtypes';
import { emptySafetensors, readFileHeader, type SafetensorsHeader, type TensorEntry } from '../formats/safetensors';
import type { WeightChanges } from '../methods/merge';
import { tensorCatalog, type TensorSpec } from './catalog';
import type { ModelConfig } from './config';
import { checkTensor, readFinite, repeated, spellings, type Shard } from './source';
import { roundedValues, storedType, type BaseStorage } from './storage';

/**
 * What a change is applied to: the weights of the model's file, or those that training saw (rounded to f16, or quantized
 * and brought back). The latter keep the outputs of the trained model; see lint rule Q08.
 */
export type MergeInto = 'file' | 'dequantized';

export interface MergePlan {
  readonly model: ModelConfig;
  /** How the run stored the base. */
  readonly storage: BaseStorage;
  readonly into: MergeInto;
  readonly changes: WeightChanges;
  /** `base`: every weight keeps the type it has in its file; `f32`: nothing is rounded. */
  readonly dtype: 'base' | 'f32';
  /** Catalog names that were met so far, with the file that held each. */
  readonly met: Map<string, string>;
}

/**
 * A weight file with the changes made, yielding after each tensor. Where types stay, `bytes` themselves are changed and
 * returned: what no change touches keeps its bits, and so do tensors that are no weights.
 * @throws `weights.format`, `model.shape`, `weights.dtype`, `model.repeated`, `model.nonfinite` for what is wrong with the
 * file, `merge.nonfinite` where a sum is not finite or too large for its type.
 */
export function* mergedFile(name: string, bytes: Uint8Array, plan: MergePlan): Generator<void, Uint8Array> {
  const shard = { name, source: inMemory(bytes) };
  const header = readFileHeader(shard.source, name);
  const weights = weightsOf(header, shard, plan);
  const output = outputOf(header, weights, bytes, plan);
  for (const { spec, entry, dtype, name } of weights) {
    if (dtype !== entry.dtype || isChanged(spec, plan))
      output.file.set(encoded(dtype, merged({ spec, entry, shard }, plan), spec.name), output.at(name));
    yield;
  }
  return output.file;
}

interface Weight {
  /** As the file calls it. */
  readonly name: string;
  readonly spec: TensorSpec;
  readonly entry: TensorEntry;
  /** Type after the merge. */
  readonly dtype: string;
}

/** The model's weights in a file, each checked. A head that is stored although it is the embedding changes with it. */
function weightsOf({ tensors }: SafetensorsHeader, shard: Shard, { model, dtype, met }: MergePlan): Weight[] {
  const known = namesInFiles(model);
  return [...tensors].flatMap(([name, entry]) => {
    const spec = known.get(name);
    if (spec === undefined) return [];
    checkTensor(spec, { shard, entry });
    const key = name === tiedHead ? name : spec.name;
    const other = met.get(key);
    if (other !== undefined) throw repeated(spec.name, other, shard.name);
    met.set(key, shard.name);
    return [{ name, spec, entry, dtype: dtype === 'f32' ? 'F32' : entry.dtype }];
  });
}

const tiedHead = 'lm_head.weight';

function namesInFiles(model: ModelConfig): Map<string, TensorSpec> {
  const catalog = tensorCatalog(model);
  const known = new Map(catalog.flatMap(spec => spellings(spec.name).map(name => [name, spec] as const)));
  const embedding = catalog.find(({ kind, shape }) => kind === 'embedding' && shape[0] === model.vocabSize);
  if (model.tiedEmbeddings && embedding) known.set(tiedHead, embedding);
  return known;
}

/** The file to write into, and where each weight begins in it. */
function outputOf(header: SafetensorsHeader, weights: readonly Weight[], bytes: Uint8Array, plan: MergePlan) {
  const types = new Map(weights.map(({ name, dtype }) => [name, dtype]));
  const layout = new Map(
    [...header.tensors].map(([name, entry]) => [name, { ...entry, dtype: types.get(name) ?? entry.dtype }]),
  );
  const sameTypes = [...header.tensors].every(([name, { dtype }]) => layout.get(name)?.dtype === dtype);
  if (plan.dtype === 'base' || sameTypes) return { file: bytes, at: (name: string) => header.tensors.get(name)?.begin };
  const { file, offsets } = emptySafetensors(layout, header.metadata);
  for (const [name, { begin, end, dtype }] of header.tensors)
    if (layout.get(name)?.dtype === dtype) file.set(bytes.subarray(begin, end), offsets.get(name));
  return { file, at: (name: string) => offsets.get(name) };
}

function isChanged(spec: TensorSpec, { changes, into, storage }: MergePlan): boolean {
  return changes.has(spec.name) || (into === 'dequantized' && storedType(spec, storage) !== 'f32');
}

function merged(located: Parameters<typeof readFinite>[0], { changes, into, storage }: MergePlan): Float32Array {
  const { spec } = located;
  const values = readFinite(located);
  const change = changes.get(spec.name);
  const base = into === 'dequantized' ? roundedValues(values, spec, storage) : values;
  return change?.(base) ?? base;
}

function encoded(dtype: string, values: Float32Array, name: string): Uint8Array {
  const bytes = encodeF32(dtype, values);
  const bad = firstNonFinite(decodeToF32(dtype, bytes));
  if (bad < 0) return bytes;
  throw problem(
    'merge.nonfinite',
    Number.isFinite(values[bad])
      ? `${name} would be ${values[bad]} at element ${bad} after the merge, too large for ${dtype}.`
      : `${name} would be ${values[bad]} at element ${bad} after the merge.`,
    Number.isFinite(values[bad]) ? 'Merge into F32.' : 'The adapter has diverged; merge an earlier checkpoint.',
  );
}
