import type { Emitter } from '../graph/node';
import type { Tensor } from '../graph/tensor';
import { grid1d, type Kernel } from '../runtime/kernel';
import { clipFactor } from './adamw';
import { groupSize, kernelOf } from './kernelSource';

export interface SgdRange {
  readonly parameter: Tensor;
  readonly gradient: Tensor;
  readonly count: number;
  /** Index into the Step uniform's `groups`. */
  readonly group: number;
  /** `scalars[1]` holds Σg² over everything that is trained. */
  readonly scalars: Tensor;
}

function sgdKernel(): Kernel {
  return kernelOf('sgd', () => ({
    storage: { parameter: 'array<f32>', gradient: 'array<f32>', scalars: 'array<f32>' },
    params: { count: 'u32', group: 'u32' },
    step: true,
    main: `  if (i >= p.count) { return; }
${clipFactor}
  parameter[i] = parameter[i] - step.groups[p.group].z * (gradient[i] * clip);`,
  }));
}

/** One step of plain SGD, θ −= lr·g (torch/optim/sgd.py without momentum), with the clipping and the guard of AdamW. */
export function emitSgd(emit: Emitter, { parameter, gradient, scalars, count, group }: SgdRange): void {
  emit.dispatch(sgdKernel(), [parameter, gradient, scalars], [count, group], grid1d(count, groupSize));
}
