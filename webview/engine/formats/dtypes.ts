import { problem } from '../../../src/common/errors';
import { floatToHalf, halfTable } from './half';

/** Bytes per element of every safetensors dtype that is made of whole bytes. */
const sizes: Readonly<Record<string, number>> = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E5M2: 1,
  F8_E4M3: 1,
  F8_E8M0: 1,
  I16: 2,
  U16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  U32: 4,
  F32: 4,
  I64: 8,
  U64: 8,
  F64: 8,
  C64: 8,
};

/** The order of the reference writer: larger elements first, its own list order among equals. */
const writeOrder = ['BOOL', 'U8', 'I8', 'F8_E5M2', 'F8_E4M3', 'F8_E8M0', 'I16', 'U16', 'F16', 'BF16'].concat([
  'I32',
  'U32',
  'F32',
  'C64',
  'F64',
  'I64',
  'U64',
]);

/** Bytes per element, or `undefined` for an unknown dtype. */
export function dtypeSize(dtype: string): number | undefined {
  return Object.hasOwn(sizes, dtype) ? sizes[dtype] : undefined;
}

/** Position of a dtype in a written file, counted from the back. */
export function dtypeRank(dtype: string): number {
  return writeOrder.indexOf(dtype);
}

let table: Float32Array | undefined;

/**
 * Decodes little-endian F32, F16 or BF16 data to f32, exactly. `bytes` may start at any offset of its buffer; the
 * result never shares memory with it. Throws a problem for other dtypes and for lengths that are no whole elements.
 */
export function decodeToF32(dtype: string, bytes: Uint8Array): Float32Array<ArrayBuffer> {
  const size = dtypeSize(dtype);
  if (size === undefined || !['F32', 'F16', 'BF16'].includes(dtype))
    throw problem('weights.dtype', `Weights of type ${dtype} are not supported.`, 'Use F32, F16 or BF16 weights.');
  if (bytes.length % size !== 0)
    throw problem(
      'weights.size',
      `${bytes.length} bytes are no whole number of ${dtype} values.`,
      'Fetch the file again.',
    );
  // The constructor copies; `slice` would share memory when a host passes Node's subclass of Uint8Array.
  const copy = new Uint8Array(bytes).buffer;
  if (dtype === 'F32') return new Float32Array(copy);
  const halves = new Uint16Array(copy);
  const values = new Float32Array(halves.length);
  if (dtype === 'F16') {
    table ??= halfTable();
    for (let i = 0; i < halves.length; i++) values[i] = table[halves[i]];
    return values;
  }
  const words = new Uint32Array(values.buffer);
  for (let i = 0; i < halves.length; i++) words[i] = halves[i] << 16;
  return values;
}

/** The bytes of f32 values as a file stores them (every platform that runs WebGPU is little-endian). Shares memory. */
export function f32Bytes(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/**
 * The bytes of f32 values as a file of this type stores them, rounded to the nearest value, ties to even. What is too
 * large for F16 becomes infinite. Throws for other types than F32, F16 and BF16.
 */
export function encodeF32(dtype: string, values: Float32Array): Uint8Array {
  if (dtype === 'F32') return f32Bytes(values);
  if (dtype !== 'F16' && dtype !== 'BF16')
    throw problem('weights.dtype', `Weights cannot be written as ${dtype}.`, 'Use F32, F16 or BF16.');
  const halves = new Uint16Array(values.length);
  if (dtype === 'F16') for (let i = 0; i < halves.length; i++) halves[i] = floatToHalf(values[i]);
  else {
    const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
    for (let i = 0; i < halves.length; i++) halves[i] = roundedHigh(words[i]);
  }
  return new Uint8Array(halves.buffer);
}

/** The upper 16 bits of an f32, rounded by the lower ones. NaN stays NaN. */
function roundedHigh(word: number): number {
  if ((word & 0x7fffffff) > 0x7f800000) return (word >>> 16) | 0x40;
  return (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
}

/** Index of the first NaN or infinity, or -1. A plain loop: a weight has millions of values. */
export function firstNonFinite(values: Float32Array): number {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) return i;
  return -1;
}
