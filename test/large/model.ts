/** Llama-shaped models of any size with random f16 weights, written to disk without ever being in memory. */
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { layOutSafetensors } from '../../webview/engine/formats/safetensors';
import { elements } from '../../webview/engine/graph/tensor';
import { tensorCatalog, type TensorSpec } from '../../webview/engine/model/catalog';
import { parseModelConfig } from '../../webview/engine/model/config';
import { wordTokenizer } from '../engine/smallRun';

export interface LargeShape {
  readonly layers: number;
  readonly hidden: number;
  readonly intermediate: number;
  readonly heads: number;
  readonly vocabulary: number;
  /** Weight files, with an index if there are several. */
  readonly shards: number;
}

/** Bytes of a model, of its largest block and of one table, as its file stores them (and a run with f16 storage). */
export interface LargeModel {
  readonly bytes: number;
  readonly block: number;
  readonly table: number;
}

/** Writes config, tokenizer and weights into `folder`. */
export function writeLargeModel(folder: string, shape: LargeShape): LargeModel {
  mkdirSync(folder, { recursive: true });
  const config = JSON.stringify({
    model_type: 'llama',
    vocab_size: shape.vocabulary,
    hidden_size: shape.hidden,
    intermediate_size: shape.intermediate,
    num_hidden_layers: shape.layers,
    num_attention_heads: shape.heads,
    num_key_value_heads: shape.heads,
    max_position_embeddings: 64,
    tie_word_embeddings: false,
    eos_token_id: 0,
    bos_token_id: 0,
  });
  writeFileSync(join(folder, 'config.json'), config);
  writeFileSync(join(folder, 'tokenizer.json'), wordTokenizer(shape.vocabulary));
  writeFileSync(join(folder, 'tokenizer_config.json'), '{"eos_token": "<end>"}');
  const catalog = tensorCatalog(parseModelConfig(config, 'config.json'));
  const files = Array.from({ length: shape.shards }, (_, index) => {
    const name = shape.shards === 1 ? 'model.safetensors' : `model-${index + 1}.safetensors`;
    const from = Math.floor((index * catalog.length) / shape.shards);
    const specs = catalog.slice(from, Math.floor(((index + 1) * catalog.length) / shape.shards));
    return { name, specs, bytes: writeWeights(join(folder, name), specs) };
  });
  const map = Object.fromEntries(files.flatMap(({ name, specs }) => specs.map(spec => [spec.name, name])));
  if (shape.shards > 1)
    writeFileSync(join(folder, 'model.safetensors.index.json'), JSON.stringify({ metadata: {}, weight_map: map }));
  const { hidden, intermediate, vocabulary } = shape;
  return {
    bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
    block: 2 * (4 * hidden * hidden + 3 * hidden * intermediate),
    table: 2 * vocabulary * hidden,
  };
}

/** Answers the size of the file. */
function writeWeights(path: string, specs: readonly TensorSpec[]): number {
  const byName = new Map(specs.map(spec => [spec.name, spec]));
  const layout = specs.map(({ name, shape }) => [name, { dtype: 'F16', shape }] as const);
  const { start, offsets, size } = layOutSafetensors(new Map(layout), { format: 'pt' });
  const file = openSync(path, 'w');
  writeSync(file, start);
  let seed = 1;
  for (const name of offsets.keys()) {
    const spec = byName.get(name);
    if (spec) seed = writeHalves(file, spec, seed);
  }
  closeSync(file);
  return size;
}

const pieceHalves = 2 ** 20;

/** Ones for norms; otherwise halves of either sign between 2⁻⁹ and 2⁻⁵, like those of trained models. Answers the next seed. */
function writeHalves(file: number, { shape, kind }: TensorSpec, seed: number): number {
  let state = seed;
  let left = elements(shape);
  while (left > 0) {
    const halves = new Uint16Array(Math.min(left, pieceHalves));
    if (kind === 'norm') halves.fill(0x3c00);
    else for (let i = 0; i < halves.length; i++) halves[i] = halfOf((state = next(state)));
    writeSync(file, halves);
    left -= halves.length;
  }
  return state;
}

/** Marsaglia's xorshift over 32 bits. */
function next(state: number): number {
  let x = state ^ (state << 13);
  x ^= x >>> 17;
  return x ^ (x << 5);
}

function halfOf(bits: number): number {
  return (bits & 0x83ff) | ((6 + ((bits >>> 16) & 3)) << 10);
}
