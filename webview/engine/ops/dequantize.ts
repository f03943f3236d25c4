import { problem } from '../../../src/common/errors';
import { bitsOf, nestedBlock, packedLayout, type BlockFormat } from '../formats/blockFormat';
import { tableOffsets } from '../formats/codebook';
import type { Emitter } from '../graph/node';
import { elements, isPacked, type Tensor } from '../graph/tensor';
import { grid1d, type Kernel } from '../runtime/kernel';
import { groupSize, kernelOf } from './kernelSource';

/** Rows of a weight in a form that matrix kernels read. */
export interface DenseRows {
  readonly tensor: Tensor;
  readonly firstRow: number;
  readonly rows: number;
}

/** Most bytes of unpacked weights alive at once; far below the 128 MiB that every adapter can bind. */
const mostBytes = 16 * 2 ** 20;

/** How the rows of a packed matrix are cut so that each part unpacks into {@link mostBytes}; dense ones stay whole. */
export function denseRows(weight: Tensor): readonly { readonly firstRow: number; readonly rows: number }[] {
  const [rows, width] = weight.shape;
  if (!isPacked(weight.dtype)) return [{ firstRow: 0, rows }];
  const parts = Math.ceil((rows * width * 4) / mostBytes);
  // A multiple of 32 rows begins at a whole word of codes and at an aligned column of the output.
  const step = Math.max(32, Math.floor(Math.ceil(rows / parts) / 32) * 32);
  const cuts = [];
  for (let firstRow = 0; firstRow < rows; firstRow += step)
    cuts.push({ firstRow, rows: Math.min(step, rows - firstRow) });
  return parts === 1 ? [{ firstRow: 0, rows }] : cuts;
}

/**
 * Hands a weight to matrix products part by part: a dense one as it is, a packed one [out, in] unpacked on the fly into
 * one scratch tensor that the parts share. Scratch has no life beyond the products, so nothing keeps a dense copy.
 */
export function eachDense(emit: Emitter, weight: Tensor, use: (part: DenseRows) => void): void {
  const { dtype } = weight;
  if (!isPacked(dtype)) {
    use({ tensor: weight, firstRow: 0, rows: weight.shape[0] });
    return;
  }
  const parts = denseRows(weight);
  const scratch = emit.temp('dequantized', [Math.max(...parts.map(part => part.rows)), weight.shape[1]]);
  for (const part of parts) {
    emitDequantize(emit, { weight, format: dtype, out: scratch, ...part });
    use({ tensor: scratch, ...part });
  }
}

interface Unpacking {
  readonly weight: Tensor;
  readonly format: BlockFormat;
  readonly out: Tensor;
  readonly firstRow: number;
  readonly rows: number;
}

/** out = rows of the packed weight in f32: value of the code times scale of its block (`formats/blockwise.ts`). */
function emitDequantize(emit: Emitter, { weight, format, out, firstRow, rows }: Unpacking): void {
  const { tables } = weight;
  if (!tables)
    throw problem('graph.tables', `${weight.name} has no code tables.`, 'This is a defect in a model module.');
  const width = weight.shape[1];
  const perWord = 32 / bitsOf(format.kind);
  const layout = packedLayout(elements(weight.shape), format);
  const firstWord = (firstRow * width) / perWord;
  const count = rows * width;
  const words = Math.ceil(count / perWord);
  const shift = Math.log2(format.blockSize / perWord);
  const book = format.kind === 'int8' ? 0 : tableOffsets[format.kind];
  const params = [firstWord, words, Math.ceil(count / 4), shift, layout.scalesAt, layout.nestedAt, book];
  emit.dispatch(dequantizeKernel(format), [weight, tables, out], params, grid1d(words, groupSize));
}

function dequantizeKernel({ kind, nested }: BlockFormat): Kernel {
  const bits = bitsOf(kind);
  return kernelOf(`dequantize_${bits}${nested ? '_nested' : ''}`, () => ({
    storage: { packed: 'array<u32>', tables: 'array<f32>', out: 'array<vec4<f32>>' },
    params: {
      first: 'u32',
      words: 'u32',
      vectors: 'u32',
      shift: 'u32',
      scales_at: 'u32',
      nested_at: 'u32',
      book: 'u32',
    },
    declarations: nested ? nestedScale : plainScale,
    main: `  if (i >= p.words) { return; }
  let word = packed[p.first + i];
  let scale = scale_of((p.first + i) >> p.shift);
${bits === 4 ? fourBits : eightBits}`,
  }));
}

const plainScale = `
fn scale_of(block: u32) -> f32 { return bitcast<f32>(packed[p.scales_at + block]); }`;

const nestedScale = `
fn scale_of(block: u32) -> f32 {
  let code = (packed[p.scales_at + (block >> 2u)] >> (8u * (block & 3u))) & 255u;
  let largest = bitcast<f32>(packed[p.nested_at + 1u + block / ${nestedBlock}u]);
  return tables[${tableOffsets.dynamic}u + code] * largest + bitcast<f32>(packed[p.nested_at]);
}`;

/** The even code of a byte is in its high half. */
const fourBits = `  let bytes = vec4(word) >> vec4(0u, 8u, 16u, 24u);
  let even = ((bytes >> vec4(4u)) & vec4(15u)) + p.book;
  let odd = (bytes & vec4(15u)) + p.book;
  out[2u * i] = scale * vec4(tables[even.x], tables[odd.x], tables[even.y], tables[odd.y]);
  if (2u * i + 1u < p.vectors) {
    out[2u * i + 1u] = scale * vec4(tables[even.z], tables[odd.z], tables[even.w], tables[odd.w]);
  }`;

const eightBits = `  let signed = bitcast<vec4<i32>>(vec4(word) << vec4(24u, 16u, 8u, 0u)) >> vec4(24u);
  out[i] = (scale * ${Math.fround(1 / 127)}f) * vec4<f32>(signed);`;
