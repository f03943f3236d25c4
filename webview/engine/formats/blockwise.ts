import { nestedBlock, type BlockFormat } from './blockFormat';
import { codebooks, dynamicCodebook, type Codebook } from './codebook';

/** Weights as a code each and a scale for each block; int8 codes are stored as bytes (two's complement). */
export interface BlockQuantized {
  readonly codes: Uint8Array<ArrayBuffer>;
  /** Largest magnitude of each block. */
  readonly absmax: Float32Array<ArrayBuffer>;
}

/** Block scales under double quantization: absmax ≈ map[code] · absmax2[block >> 8] + offset. */
export interface NestedScales extends BlockQuantized {
  readonly offset: number;
}

/**
 * Quantizes finite values block by block, as bitsandbytes' kernels do (`kQuantizeBlockwise`): each value times the
 * f32 reciprocal of its block's largest magnitude, then to the nearest code. The last block may be short.
 */
export function quantizeBlocks(values: Float32Array, { kind, blockSize }: BlockFormat): BlockQuantized {
  return kind === 'int8' ? linearBlocks(values, blockSize) : codeBlocks(values, blockSize, codebooks[kind]);
}

/** The values that codes and scales stand for, each product rounded to f32. */
export function dequantizeBlocks({ codes, absmax }: BlockQuantized, { kind, blockSize }: BlockFormat): Values {
  if (kind === 'int8') {
    const steps = absmax.map(largest => Math.fround(largest * reciprocal127));
    const signed = new Int8Array(codes.buffer, codes.byteOffset, codes.length);
    return Float32Array.from(signed, (code, i) => code * steps[Math.floor(i / blockSize)]);
  }
  return codeValues(codes, absmax, blockSize, codebooks[kind].values);
}

/**
 * Double quantization (QLoRA, arXiv 2305.14314, §3; `quantize_4bit` with `compress_statistics`): the scales less
 * their mean in blocks of 256. The mean is the exact one rounded to f32; torch's depends on the order of its sums.
 */
export function quantizeScales(absmax: Float32Array): NestedScales {
  const offset = Math.fround(absmax.reduce((sum, value) => sum + value, 0) / Math.max(1, absmax.length));
  const centred = absmax.map(value => value - offset);
  return { ...codeBlocks(centred, nestedBlock, dynamicCodebook), offset };
}

export function dequantizeScales({ codes, absmax, offset }: NestedScales): Values {
  return codeValues(codes, absmax, nestedBlock, dynamicCodebook.values).map(value => value + offset);
}

type Values = Float32Array<ArrayBuffer>;

/** Smallest magnitude that is divided by, so that a block of zeros stays zeros. */
const tiny = Math.fround(1e-38);
const reciprocal127 = Math.fround(1 / 127);

function codeBlocks(values: Float32Array, blockSize: number, { encode }: Codebook): BlockQuantized {
  const absmax = largestMagnitudes(values, blockSize);
  const codes = new Uint8Array(values.length);
  for (let block = 0; block < absmax.length; block++) {
    const inverse = Math.fround(1 / Math.max(absmax[block], tiny));
    const end = Math.min(values.length, (block + 1) * blockSize);
    for (let i = block * blockSize; i < end; i++) codes[i] = encode(Math.fround(values[i] * inverse));
  }
  return { codes, absmax };
}

function codeValues(codes: Uint8Array, absmax: Float32Array, blockSize: number, table: Float32Array): Values {
  const values = new Float32Array(codes.length);
  for (let i = 0; i < codes.length; i++) values[i] = table[codes[i]] * absmax[Math.floor(i / blockSize)];
  return values;
}

function linearBlocks(values: Float32Array, blockSize: number): BlockQuantized {
  const absmax = largestMagnitudes(values, blockSize);
  const codes = new Int8Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const inverse = Math.fround(127 / Math.max(absmax[Math.floor(i / blockSize)], tiny));
    codes[i] = roundToEven(Math.fround(values[i] * inverse));
  }
  return { codes: new Uint8Array(codes.buffer), absmax };
}

/** Nearest whole number within ±127; halves go to the even one, as torch rounds. */
function roundToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  const up = rest > 0.5 || (rest === 0.5 && floor % 2 !== 0);
  return Math.max(-127, Math.min(127, up ? floor + 1 : floor));
}

function largestMagnitudes(values: Float32Array, blockSize: number): Values {
  const absmax = new Float32Array(Math.ceil(values.length / blockSize));
  for (let i = 0; i < values.length; i++) {
    const block = Math.floor(i / blockSize);
    absmax[block] = Math.max(absmax[block], Math.abs(values[i]));
  }
  return absmax;
}
