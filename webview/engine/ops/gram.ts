import type { Emitter } from '../graph/node';
import type { Tensor } from '../graph/tensor';
import { grid1d, type Kernel, type Profile } from '../runtime/kernel';
import { groupSize, kernelOf, rowShape } from './kernelSource';

/** Which vectors of a matrix are multiplied with each other. */
export type Along = 'rows' | 'columns';

/** How many such vectors a matrix has, and their length. */
export function vectorsOf({ shape: [rows, columns] }: Tensor, along: Along): { count: number; length: number } {
  return along === 'rows' ? { count: rows, length: columns } : { count: columns, length: rows };
}

/** out [r, r] = inner products of the r rows, or of the r columns, of an f32 matrix: F·Fᵀ or Fᵀ·F. */
export function emitGram(emit: Emitter, factor: Tensor, along: Along, out: Tensor): void {
  const { count, length } = vectorsOf(factor, along);
  const [vector, element] = along === 'rows' ? [length, 1] : [1, count];
  const pairs = count * count;
  const grid = grid1d(rowShape(emit.profile).invocations(pairs), groupSize);
  emit.dispatch(gramKernel(emit.profile), [factor, out], [pairs, count, length, vector, element], grid);
}

function gramKernel(profile: Profile): Kernel {
  const shape = rowShape(profile);
  return kernelOf(`gram${shape.suffix}`, () => ({
    storage: { factor: 'array<f32>', out: 'array<f32>' },
    params: { rows: 'u32', count: 'u32', length: 'u32', vector: 'u32', element: 'u32' },
    declarations: shape.declarations,
    main: `${shape.enter}
  let left = (row / p.count) * p.vector;
  let right = (row % p.count) * p.vector;
  var sum = 0.0;
  for (var k = lane; k < p.length; k += LANES) { sum += factor[left + k * p.element] * factor[right + k * p.element]; }
  let whole = row_sum(sum, lane);
  if (lane == 0u) { out[row] = whole; }`,
  }));
}
