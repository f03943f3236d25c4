import { problem } from '../../../src/common/errors';
import { bitsOf, packedLayout, type BlockFormat } from './blockFormat';
import { dequantizeBlocks, dequantizeScales, quantizeBlocks, quantizeScales } from './blockwise';

/**
 * Quantizes and packs values into one run of words: codes, then scales, see `packedLayout`. Bytes are in the order of
 * bitsandbytes' files, little-endian in each word.
 */
export function packBlocks(values: Float32Array, format: BlockFormat): Uint32Array<ArrayBuffer> {
  const layout = packedLayout(values.length, format);
  const words = new Uint32Array(layout.words);
  const bytes = new Uint8Array(words.buffer);
  const { codes, absmax } = quantizeBlocks(values, format);
  bytes.set(bitsOf(format.kind) === 4 ? packNibbles(codes) : codes);
  if (!format.nested) {
    new Float32Array(words.buffer).set(absmax, layout.scalesAt);
    return words;
  }
  const scales = quantizeScales(absmax);
  bytes.set(scales.codes, layout.scalesAt * 4);
  new Float32Array(words.buffer).set([scales.offset, ...scales.absmax], layout.nestedAt);
  return words;
}

/**
 * The `count` values that {@link packBlocks} stored.
 * @throws `quantized.size` when the words do not belong to that many values.
 */
export function unpackBlocks(words: Uint32Array, count: number, format: BlockFormat): Float32Array<ArrayBuffer> {
  const layout = packedLayout(count, format);
  if (words.length !== layout.words)
    throw problem(
      'quantized.size',
      `${words.length} words do not hold ${count} weights as ${format.kind}; that takes ${layout.words}.`,
      'Quantize the weights again.',
    );
  const bytes = new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
  const floats = new Float32Array(words.buffer, words.byteOffset, words.length);
  const codes = bitsOf(format.kind) === 4 ? unpackNibbles(bytes, count) : new Uint8Array(bytes.subarray(0, count));
  return dequantizeBlocks({ codes, absmax: scalesOf(bytes, floats, layout, format) }, format);
}

function scalesOf(
  bytes: Uint8Array,
  floats: Float32Array,
  { blocks, scalesAt, nestedAt }: ReturnType<typeof packedLayout>,
  { nested }: BlockFormat,
): Float32Array<ArrayBuffer> {
  if (!nested) return new Float32Array(floats.subarray(scalesAt, scalesAt + blocks));
  const codes = new Uint8Array(bytes.subarray(scalesAt * 4, scalesAt * 4 + blocks));
  return dequantizeScales({ codes, absmax: new Float32Array(floats.subarray(nestedAt + 1)), offset: floats[nestedAt] });
}

/** Two codes to a byte, the first in the high half; an odd count leaves the last low half zero. */
export function packNibbles(codes: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(Math.ceil(codes.length / 2));
  for (let i = 0; i < codes.length; i++) bytes[i >> 1] |= i & 1 ? codes[i] : codes[i] << 4;
  return bytes;
}

/** The first `count` codes of packed bytes. */
export function unpackNibbles(bytes: Uint8Array, count: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: count }, (_, i) => (i & 1 ? bytes[i >> 1] & 15 : bytes[i >> 1] >> 4));
}

/** [rows, columns] to [columns, rows]: Conv1D weights are quantized as torch's Linear stores them. */
export function transpose(values: Float32Array, rows: number, columns: number): Float32Array<ArrayBuffer> {
  const turned = new Float32Array(values.length);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) turned[column * rows + row] = values[row * columns + column];
  return turned;
}
