import type { Emitter } from '../graph/node';
import type { Tensor } from '../graph/tensor';
import { grid1d, type Kernel, type Profile } from '../runtime/kernel';
import { emitGram } from './gram';
import { groupSize, kernelOf, rowShape } from './kernelSource';

/**
 * output[index] = effective rank of B·A, for A [r, in] and B [out, r]: exp of the Rényi entropy of order 2 of
 * p_i = σ_i²/Σσ², that is (Σσ²)²/Σσ⁴, from 1 (one direction) to r (all alike), and 0 for B·A = 0. It is the participation
 * ratio of the squared singular values (Bell and Dean 1970); Roy and Vetterli's effective rank (EUSIPCO 2007) takes
 * Shannon's entropy instead, which needs the σ themselves. With M = (BᵀB)(AAᵀ), whose eigenvalues are the σ²,
 * Σσ² = tr M and Σσ⁴ = tr M²: r × r work, and no decomposition.
 */
export function emitEffectiveRank(emit: Emitter, a: Tensor, b: Tensor, output: Tensor, index: number): void {
  const rank = a.shape[0];
  const left = emit.temp('rank_left', [rank, rank]);
  const right = emit.temp('rank_right', [rank, rank]);
  emitGram(emit, b, 'columns', left);
  emitGram(emit, a, 'rows', right);
  const grid = grid1d(rowShape(emit.profile).invocations(1), groupSize);
  emit.dispatch(participationKernel(emit.profile), [left, right, output], [1, rank, index], grid);
}

/** M is divided by its trace before it is squared, so that small updates do not underflow. */
function participationKernel(profile: Profile): Kernel {
  const shape = rowShape(profile);
  return kernelOf(`participation${shape.suffix}`, () => ({
    storage: { left: 'array<f32>', right: 'array<f32>', out: 'array<f32>' },
    params: { rows: 'u32', rank: 'u32', index: 'u32' },
    declarations: `${shape.declarations}
fn product(i: u32, j: u32) -> f32 {
  var sum = 0.0;
  for (var k = 0u; k < p.rank; k++) { sum += left[i * p.rank + k] * right[k * p.rank + j]; }
  return sum;
}`,
    main: `${shape.enter}
  var diagonal = 0.0;
  for (var i = lane; i < p.rank; i += LANES) { diagonal += product(i, i); }
  let trace = row_sum(diagonal, lane);
  var sum = 0.0;
  for (var k = lane; k < p.rank * p.rank; k += LANES) {
    let i = k / p.rank;
    let j = k % p.rank;
    sum += (product(i, j) / trace) * (product(j, i) / trace);
  }
  let squares = row_sum(sum, lane);
  if (lane == 0u) { out[p.index] = select(0.0, 1.0 / squares, trace > 0.0); }`,
  }));
}
