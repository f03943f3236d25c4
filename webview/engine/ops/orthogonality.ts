import type { Emitter } from '../graph/node';
import type { Tensor } from '../graph/tensor';
import { f32, grid1d, type Kernel, type Profile } from '../runtime/kernel';
import { emitGram, vectorsOf, type Along } from './gram';
import { groupSize, kernelOf, rowShape } from './kernelSource';
import { emitMatmul } from './matmul';

/** A factor that should be orthonormal: the rows of A [r, in], or the columns of B [out, r]. */
export interface OrthogonalFactor {
  readonly factor: Tensor;
  readonly gradient: Tensor;
  readonly along: Along;
}

/** Where the sum of the terms is added: element `at` of `scalars`. */
export interface TermPlace {
  readonly scalars: Tensor;
  readonly at: number;
}

/**
 * Adds weight·‖M‖_F, M = F·Fᵀ − I over the rows (Fᵀ·F − I over the columns), to the term, and its derivative
 * 2·weight·M·F/‖M‖ (2·weight·F·M/‖M‖) to the gradient; a factor with ‖M‖ = 0 gets none. The norm without a square is
 * PEFT's (`AdaLoraModel.forward`).
 */
export function emitOrthogonality(emit: Emitter, input: OrthogonalFactor, weight: number, term: TermPlace): void {
  const { factor, gradient, along } = input;
  const [rows, columns] = factor.shape;
  const { count } = vectorsOf(factor, along);
  const gram = emit.temp('orthogonality', [count, count]);
  emitGram(emit, factor, along, gram);
  const grid = grid1d(rowShape(emit.profile).invocations(1), groupSize);
  emit.dispatch(deviationKernel(emit.profile), [gram, term.scalars], [1, count, term.at, f32(weight)], grid);
  const [a, b] = along === 'rows' ? [gram, factor] : [factor, gram];
  emitMatmul(emit, { form: 'nn', a, b, out: gradient, m: rows, n: columns, k: count, accumulate: true });
}

/** gram ← 2·weight·M/‖M‖ for M = gram − I, and scalars[at] += weight·‖M‖. One row of lanes does it all. */
function deviationKernel(profile: Profile): Kernel {
  const shape = rowShape(profile);
  return kernelOf(`deviation${shape.suffix}`, () => ({
    storage: { gram: 'array<f32>', scalars: 'array<f32>' },
    params: { rows: 'u32', count: 'u32', at: 'u32', weight: 'f32' },
    declarations: `${shape.declarations}
fn deviation(k: u32) -> f32 { return gram[k] - select(0.0, 1.0, k % (p.count + 1u) == 0u); }`,
    main: `${shape.enter}
  let elements = p.count * p.count;
  var sum = 0.0;
  for (var k = lane; k < elements; k += LANES) { sum += deviation(k) * deviation(k); }
  let norm = sqrt(row_sum(sum, lane));
  let factor = select(0.0, 2.0 * p.weight / norm, norm > 0.0);
  for (var k = lane; k < elements; k += LANES) { gram[k] = factor * deviation(k); }
  if (lane == 0u) { scalars[p.at] = scalars[p.at] + p.weight * norm; }`,
  }));
}
