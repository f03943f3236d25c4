import type { Emitter } from '../graph/node';
import type { Tensor } from '../graph/tensor';
import { f32, grid1d, type Kernel, type Profile } from '../runtime/kernel';
import { emitGram } from './gram';
import { groupSize, kernelOf, rowShape } from './kernelSource';

/** ΔW = scale·B·diag(E)·A: A [r, in], B [out, r], E with r values. */
export interface TripletUpdate {
  readonly a: Tensor;
  readonly b: Tensor;
  readonly e: Tensor;
  readonly scale: number;
}

/** output[index] = ‖ΔW‖_F, from ‖ΔW‖² = scale²·Σ_ij (BᵀB)_ij·(AAᵀ)_ij·E_i·E_j: ΔW itself is never formed. */
export function emitTripletNorm(emit: Emitter, { a, b, e, scale }: TripletUpdate, output: Tensor, index: number): void {
  const rank = a.shape[0];
  const left = emit.temp('triplet_left', [rank, rank]);
  const right = emit.temp('triplet_right', [rank, rank]);
  emitGram(emit, b, 'columns', left);
  emitGram(emit, a, 'rows', right);
  const grid = grid1d(rowShape(emit.profile).invocations(1), groupSize);
  emit.dispatch(normKernel(emit.profile), [left, right, e, output], [1, rank, index, f32(scale)], grid);
}

/** Rounding may leave the sum of a vanishing product below zero. */
function normKernel(profile: Profile): Kernel {
  const shape = rowShape(profile);
  return kernelOf(`triplet_norm${shape.suffix}`, () => ({
    storage: { left: 'array<f32>', right: 'array<f32>', values: 'array<f32>', out: 'array<f32>' },
    params: { rows: 'u32', rank: 'u32', index: 'u32', scale: 'f32' },
    declarations: shape.declarations,
    main: `${shape.enter}
  var sum = 0.0;
  for (var k = lane; k < p.rank * p.rank; k += LANES) {
    sum += left[k] * right[k] * values[k / p.rank] * values[k % p.rank];
  }
  let squares = row_sum(sum, lane);
  if (lane == 0u) { out[p.index] = p.scale * sqrt(max(squares, 0.0)); }`,
  }));
}
