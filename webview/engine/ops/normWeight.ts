import type { Tensor } from '../graph/tensor';
import type { Vector } from './kernelSource';

/** How a kernel reads a per-column f32 or packed f16 parameter. */
export interface ColumnLoad {
  readonly suffix: string;
  /** WGSL type of the storage binding. */
  readonly type: string;
  /** WGSL for the `V` of columns `index`. */
  at(binding: string, index: string): string;
}

/** Reads `parameter` (f32, or f16 as two halves per word) as the kernel's V. */
export function frozenVector(parameter: Tensor, vector: Vector): ColumnLoad {
  if (parameter.dtype !== 'f16') return { suffix: '', type: 'array<V>', at: (name, index) => `${name}[${index}]` };
  if (vector.wide)
    return {
      suffix: '_f16',
      type: 'array<vec2<u32>>',
      at: (name, index) => `vec4<f32>(unpack2x16float(${name}[${index}].x), unpack2x16float(${name}[${index}].y))`,
    };
  return {
    suffix: '_f16',
    type: 'array<u32>',
    at: (name, index) => `unpack2x16float(${name}[${index} >> 1u])[${index} & 1u]`,
  };
}
