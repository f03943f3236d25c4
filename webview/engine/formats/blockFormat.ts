/** Storage of a frozen matrix in blocks of equal length along its flattened rows, each with a scale of its own. */
export interface BlockFormat {
  /** `nf4` and `fp4` as bitsandbytes has them; `int8`: whole steps of a 127th of the block's largest magnitude. */
  readonly kind: 'nf4' | 'fp4' | 'int8';
  /** Weights that share a scale, see {@link blockSizes}. */
  readonly blockSize: number;
  /** Double quantization: the scales, less their mean, are themselves stored in blocks of {@link nestedBlock}. */
  readonly nested: boolean;
}

/** What bitsandbytes accepts. */
export const blockSizes = [32, 64, 128, 256, 512, 1024, 2048, 4096] as const;
/** Scales that share a scale under double quantization. */
export const nestedBlock = 256;

/** Where the parts of a packed matrix lie, in 32-bit words. */
export interface PackedLayout {
  readonly blocks: number;
  /** Codes: 4 bits each, the even one of a byte in its high half, or 8 bits. They start at word 0. */
  readonly codeWords: number;
  /** Scales follow: f32, or 8-bit codes four to a word when nested. */
  readonly scalesAt: number;
  /** When nested, the mean that was subtracted and the scales of the scales, f32. */
  readonly nestedAt: number;
  readonly words: number;
}

export function bitsOf(kind: BlockFormat['kind']): 4 | 8 {
  return kind === 'int8' ? 8 : 4;
}

/** The parts of `count` weights in one format. */
export function packedLayout(count: number, { kind, blockSize, nested }: BlockFormat): PackedLayout {
  const blocks = Math.ceil(count / blockSize);
  const codeWords = Math.ceil((count * bitsOf(kind)) / 32);
  const nestedAt = codeWords + (nested ? Math.ceil(blocks / 4) : blocks);
  const words = nestedAt + (nested ? 1 + Math.ceil(blocks / nestedBlock) : 0);
  return { blocks, codeWords, scalesAt: codeWords, nestedAt, words };
}

/** Stored bits per weight of a matrix of `count` weights, scales included. */
export function bitsPerWeight(count: number, format: BlockFormat): number {
  return (packedLayout(count, format).words * 32) / count;
}
