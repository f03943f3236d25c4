import type { Emitter } from '../graph/node';
import type { Tensor } from '../graph/tensor';
import { grid1d, type Kernel } from '../runtime/kernel';
import { groupSize, kernelOf } from './kernelSource';

/** The factors ω of n adapters, each the first float of a slot of `stride` floats, and what ranks them. */
export interface Selection {
  /** ω of all adapters in one stretch. */
  readonly omega: Tensor;
  /** Gradients of ω, in the same slots. */
  readonly gradient: Tensor;
  readonly stride: number;
  readonly count: number;
  /** ‖BA‖_F by adapter, [n], to rank by |ω|·‖BA‖_F; without it the signed ω ranks. */
  readonly norms?: Tensor;
  /** Adapters to keep. */
  readonly keep: number;
  /** Receives 1 for kept adapters and 0 for the others, [n]. */
  readonly kept: Tensor;
}

const score = { omega: 'omega[j * p.stride]', omega_norm: 'abs(omega[j * p.stride]) * norms[j]' };

/**
 * The smallest n − keep lose; of equals the first. Below the authors' bound of 1e-10 on ‖dω‖ nothing is chosen yet.
 * Outside selecting steps (`step.method[0].x` 0) the last choice stays.
 */
function rankKernel(by: keyof typeof score): Kernel {
  return kernelOf(`selection_rank_${by}`, () => ({
    storage: {
      omega: 'array<f32>',
      gradient: 'array<f32>',
      ...(by === 'omega_norm' ? { norms: 'array<f32>' } : {}),
      kept: 'array<f32>',
    },
    params: { count: 'u32', stride: 'u32', drop: 'u32' },
    step: true,
    declarations: `fn score(j: u32) -> f32 { return ${score[by]}; }\n`,
    main: `  if (i >= p.count || step.method[0].x == 0.0) { return; }
  var squares = 0.0;
  var below = 0u;
  let own = score(i);
  for (var j = 0u; j < p.count; j++) {
    squares += gradient[j * p.stride] * gradient[j * p.stride];
    let other = score(j);
    if (other < own || (other == own && j < i)) { below++; }
  }
  if (squares <= 1e-20) { kept[i] = 1.0; return; }
  kept[i] = select(0.0, 1.0, below >= p.drop);`,
  }));
}

function applyKernel(): Kernel {
  return kernelOf('selection_apply', () => ({
    storage: { omega: 'array<f32>', kept: 'array<f32>' },
    params: { count: 'u32', stride: 'u32' },
    step: true,
    main: `  if (i >= p.count || step.method[0].x == 0.0) { return; }
  if (kept[i] == 0.0) { omega[i * p.stride] = 0.0; }`,
  }));
}

/** Hard thresholding of ω where `step.method[0].x` is 1: all but the best `keep` become 0 (WeightLoRA's projection). */
export function emitSelection(emit: Emitter, selection: Selection): void {
  const { omega, gradient, norms, kept, stride, count, keep } = selection;
  const grid = grid1d(count, groupSize);
  const inputs = norms ? [omega, gradient, norms, kept] : [omega, gradient, kept];
  emit.dispatch(rankKernel(norms ? 'omega_norm' : 'omega'), inputs, [count, stride, count - keep], grid);
  emit.dispatch(applyKernel(), [omega, kept], [count, stride], grid);
}

/** out[first + i] = from[i · stride] for i < count. */
export function emitGather(
  emit: Emitter,
  from: Tensor,
  stride: number,
  out: Tensor,
  range: readonly [number, number],
): void {
  const [first, count] = range;
  const kernel = kernelOf('gather_stride', () => ({
    storage: { from_values: 'array<f32>', out: 'array<f32>' },
    params: { count: 'u32', stride: 'u32', first: 'u32' },
    main: `  if (i >= p.count) { return; }
  out[p.first + i] = from_values[i * p.stride];`,
  }));
  emit.dispatch(kernel, [from, out], [count, stride, first], grid1d(count, groupSize));
}
