import type { Emitter } from '../graph/node';
import type { Tensor } from '../graph/tensor';
import { f32, grid1d, type Kernel } from '../runtime/kernel';
import { groupSize, kernelOf, vectorFor, type Vector } from './kernelSource';

/** One contiguous run of trained values and where their gradient and moments lie (same offset in each). */
export interface AdamWRange {
  readonly parameter: Tensor;
  readonly gradient: Tensor;
  readonly m: Tensor;
  readonly v: Tensor;
  readonly offset: number;
  readonly count: number;
  /** Index into the Step uniform's `groups`. */
  readonly group: number;
  /** `scalars[1]` holds Σg² over everything that is trained. */
  readonly scalars: Tensor;
  /** β1, β2 of the run. Here and not from Step because 1 − β must be formed in f64: 1 − 0.999f is off by 1e-5. */
  readonly betas: readonly [number, number];
}

/** WGSL that defines `clip`, the factor that torch's clip_grad_norm_ puts on gradients, from `squares`. Needs Step. */
export const clipScale = `  var clip = 1.0;
  if (step.max_norm > 0.0) { clip = min(1.0, step.max_norm / (sqrt(squares) + 1e-6)); }`;

/** WGSL that ends the invocation when the squared gradient norm, which it names `squares`, is not finite. */
export const finiteGuard = `  let squares = scalars[1];
  if ((bitcast<u32>(squares) & 0x7f800000u) == 0x7f800000u) { return; }`;

/** Both: the guard, then `clip`. Needs `scalars` and Step. */
export const clipFactor = `${finiteGuard}
${clipScale}`;

function adamwKernel(vector: Vector): Kernel {
  return kernelOf(`adamw${vector.suffix}`, () => ({
    storage: { parameter: 'array<V>', gradient: 'array<V>', m: 'array<V>', v: 'array<V>', scalars: 'array<f32>' },
    params: { first: 'u32', count: 'u32', group: 'u32', rise1: 'f32', beta2: 'f32', rise2: 'f32' },
    declarations: vector.declarations,
    step: true,
    main: `  if (i >= p.count) { return; }
${clipFactor}
  let at = p.first + i;
  let g = gradient[at] * clip;
  let mean = m[at] + p.rise1 * (g - m[at]);
  let square = v[at] * p.beta2 + p.rise2 * g * g;
  let denominator = sqrt(square) / step.bias2_sqrt + step.epsilon;
  m[at] = mean;
  v[at] = square;
  parameter[at] = parameter[at] * step.groups[p.group].x - step.groups[p.group].y * mean / denominator;`,
  }));
}

/**
 * One AdamW step over a range of f32 parameters (Loshchilov and Hutter 2019), in the order of operations of
 * torch/optim/adamw.py, after clipping by the global norm as torch/nn/utils/clip_grad.py (`step.max_norm` 0: off).
 * If Σg² is not finite, parameters and moments stay as they are, so that the run stops with a valid state.
 */
export function emitAdamW(emit: Emitter, range: AdamWRange): void {
  const { parameter, gradient, m, v, scalars, offset, count, group, betas } = range;
  const vector = vectorFor(offset, count);
  const [beta1, beta2] = betas;
  const rates = [f32(1 - beta1), f32(beta2), f32(1 - beta2)];
  const params = [offset / vector.step, count / vector.step, group, ...rates];
  const grid = grid1d(count / vector.step, groupSize);
  emit.dispatch(adamwKernel(vector), [parameter, gradient, m, v, scalars], params, grid);
}
