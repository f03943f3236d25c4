import { packedLayout, type BlockFormat } from '../formats/blockFormat';

export type Shape = readonly number[];
/** `f16` is stored packed, two values per 32-bit word, and unpacked in WGSL with `unpack2x16float`. */
export type ScalarType = 'f32' | 'f16' | 'u32';
/** A frozen matrix [out, in] may be stored in blocks; its shape stays that of the matrix. */
export type DType = ScalarType | BlockFormat;

export function isPacked(dtype: DType): dtype is BlockFormat {
  return typeof dtype !== 'string';
}

/**
 * What a tensor is, which decides its category and arena:
 * `parameter` a model or adapter tensor (weights or adapter, never moves); `input` written by the host for each
 * micro-batch (staging); `value` the output of a node (activations if the backward reads it, else workspace);
 * `gradient` of a trained parameter (gradients); `temporary` scratch of a kernel sequence and gradients of values (workspace).
 */
export type Role = 'parameter' | 'input' | 'value' | 'gradient' | 'temporary' | 'state';

export interface Tensor {
  readonly id: number;
  readonly name: string;
  readonly shape: Shape;
  readonly dtype: DType;
  readonly role: Role;
  /** Of a packed matrix: what its codes mean (`codeTables`). */
  readonly tables?: Tensor;
}

/** Number of elements; 1 for a scalar. */
export function elements(shape: Shape): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Bytes of the data itself, without arena padding; f16 and packed blocks fill whole 32-bit words. */
export function byteLength(shape: Shape, dtype: DType): number {
  const count = elements(shape);
  if (isPacked(dtype)) return packedLayout(count, dtype).words * 4;
  return dtype === 'f16' ? Math.ceil(count / 2) * 4 : count * 4;
}
