import { problem } from '../../../src/common/errors';
import type { ByteSource } from '../../../src/common/protocol';
import { decodeToF32, firstNonFinite } from '../formats/dtypes';
import { field, isObject, parseJsonObject, wrongField } from '../formats/jsonFields';
import { readFileHeader, type TensorEntry } from '../formats/safetensors';
import { tensorCatalog, type TensorSpec } from './catalog';
import type { ModelConfig } from './config';

/** One weight file. */
export interface Shard {
  readonly name: string;
  readonly source: ByteSource;
}

/** Some of the rows of a weight; a row of a vector is one element. */
export interface Rows {
  readonly first: number;
  readonly count: number;
}

/** The checked weights of one model, by their catalog names. */
export interface TensorSource {
  /**
   * Decoded to f32, a fresh copy at each call; of `rows` alone, nothing else is read from the file. Throws
   * `model.nonfinite` for weights with NaN or infinity.
   */
  read(name: string, rows?: Rows): Float32Array<ArrayBuffer>;
  /** `F32`, `F16` or `BF16`. */
  dtype(name: string): string;
}

/** A weight with its place in a file. */
export interface Located {
  readonly spec: TensorSpec;
  readonly shard: Shard;
  readonly entry: TensorEntry;
}

/** Prefixes that published files leave out or add; catalog names carry one of them or none. */
const prefixes = ['transformer.', 'model.'];
const weightTypes = ['F32', 'F16', 'BF16'];

/**
 * Finds every weight of `config` in one or several safetensors files and checks its shape and type. Other tensors
 * (masks, rotary tables, a head that is tied) are ignored. `index` is the text of `model.safetensors.index.json`:
 * with it, a missing shard is named. Throws a problem that names tensor, file, and expected and found shape.
 */
export function openTensors(shards: readonly Shard[], config: ModelConfig, index?: string): TensorSource {
  if (index !== undefined) checkIndex(index, shards);
  const found = new Map<string, Omit<Located, 'spec'>>();
  for (const shard of shards)
    for (const [name, entry] of readFileHeader(shard.source, shard.name).tensors) {
      const other = found.get(name);
      if (other) throw repeated(name, other.shard.name, shard.name);
      found.set(name, { shard, entry });
    }
  const located = new Map(tensorCatalog(config).map(spec => [spec.name, locate(spec, found, shards)]));
  return {
    read: (name, rows) => readFinite(get(located, name), rows),
    dtype: name => get(located, name).entry.dtype,
  };
}

/** Rows of `width` values each out of all rows of a weight; a copy. */
export function rowsOf(values: Float32Array, { first, count }: Rows, width: number): Float32Array<ArrayBuffer> {
  return new Float32Array(values.subarray(first * width, (first + count) * width));
}

function get(located: ReadonlyMap<string, Located>, name: string): Located {
  const tensor = located.get(name);
  if (tensor) return tensor;
  throw problem('model.tensor', `The model has no weight ${name}.`, 'Check that config.json belongs to these weights.');
}

function locate(
  spec: TensorSpec,
  found: ReadonlyMap<string, Omit<Located, 'spec'>>,
  shards: readonly Shard[],
): Located {
  const name = spellings(spec.name).find(spelling => found.has(spelling));
  const tensor = name === undefined ? undefined : found.get(name);
  if (!tensor) {
    const files = shards.map(shard => shard.name).join(', ');
    throw problem(
      'model.missing',
      `The weight ${spec.name} [${spec.shape.join(', ')}] is missing from ${files || 'the model (no weight files)'}.`,
      'Check that config.json belongs to these weights and that all shards are there.',
    );
  }
  checkTensor(spec, tensor);
  return { spec, ...tensor };
}

/** Refuses a tensor of another shape than `spec` asks for, or of a type that holds no weights. */
export function checkTensor(spec: TensorSpec, { shard, entry }: Omit<Located, 'spec'>): void {
  const same = entry.shape.length === spec.shape.length && entry.shape.every((size, i) => size === spec.shape[i]);
  if (!same)
    throw problem(
      'model.shape',
      `${shard.name}: ${spec.name} has the shape [${entry.shape.join(', ')}]; config.json asks for [${spec.shape.join(', ')}].`,
      'Use the config.json that belongs to these weights.',
    );
  if (!weightTypes.includes(entry.dtype))
    throw problem(
      'weights.dtype',
      `${shard.name}: ${spec.name} is stored as ${entry.dtype}.`,
      `Use weights stored as ${weightTypes.join(', ')}.`,
    );
}

/** Names under which files hold a weight: without its head a model lacks the outer prefix; some exports carry one more. */
export function spellings(name: string): string[] {
  const bare = prefixes.filter(prefix => name.startsWith(prefix)).map(prefix => name.slice(prefix.length));
  return [name, ...bare, ...prefixes.map(prefix => prefix + name)];
}

/** Values of a weight in a file, of all its rows or some. Throws `model.nonfinite`. */
export function readFinite({ spec, shard, entry }: Located, rows?: Rows): Float32Array<ArrayBuffer> {
  const all = spec.shape[0];
  const { first, count } = rows ?? { first: 0, count: all };
  if (first < 0 || count < 0 || first + count > all)
    throw problem('model.rows', `${spec.name} has ${all} rows, not ${first + count}.`, 'This is a defect.');
  const rowBytes = (entry.end - entry.begin) / all;
  const begin = entry.begin + first * rowBytes;
  const values = decodeToF32(entry.dtype, shard.source.slice(begin, begin + count * rowBytes));
  const bad = firstNonFinite(values);
  if (bad < 0) return values;
  throw problem(
    'model.nonfinite',
    `${shard.name}: ${spec.name} contains ${values[bad]} at element ${first * (values.length / count) + bad}.`,
    'The file is damaged or the training that made it diverged; use another copy of the model.',
  );
}

function checkIndex(index: string, shards: readonly Shard[]): void {
  const label = 'model.safetensors.index.json';
  const place = { code: 'model.index', label, hint: 'Fetch the model again.' };
  const map = field(parseJsonObject(index, place), 'weight_map');
  if (!isObject(map)) throw wrongField(place, 'weight_map', 'an object of file names', map);
  const names = new Set(shards.map(shard => shard.name.slice(shard.name.lastIndexOf('/') + 1)));
  for (const [tensor, file] of Object.entries(map)) {
    if (typeof file !== 'string') throw wrongField(place, `weight_map.${tensor}`, 'a file name', file);
    if (!names.has(file))
      throw problem(
        'model.shard',
        `${label} names ${file}, which is not there.`,
        'Put all shards in the model folder.',
      );
  }
}

/** A weight that is in two files, or twice in one. */
export function repeated(name: string, first: string, second: string) {
  return problem('model.repeated', `The weight ${name} is in ${first} and in ${second}.`, 'Keep one set of shards.');
}
