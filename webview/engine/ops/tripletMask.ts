import type { Emitter } from '../graph/node';
import { elements, type Tensor } from '../graph/tensor';
import { grid1d, type Kernel } from '../runtime/kernel';
import { finiteGuard } from './adamw';
import { groupSize, kernelOf } from './kernelSource';

/** The singular values of a module and the place of its triplets among all. */
export interface MaskedValues {
  readonly values: Tensor;
  readonly first: number;
}

/**
 * pruned[i] = 1 where fewer than `step.method[0].y` of all triplets score below triplet i, else 0: the same set as
 * S_i ≤ kth smallest (`torch.kthvalue` in PEFT's `mask_to_budget`), ties included, found by counting. A count of 0
 * leaves the choice as it is. `triplets` [3, total] has the scores in its last row.
 */
export function emitAllocation(emit: Emitter, triplets: Tensor, pruned: Tensor, scalars: Tensor): void {
  const total = elements(pruned.shape);
  emit.dispatch(allocationKernel(), [triplets, pruned, scalars], [total], grid1d(total, groupSize));
}

function allocationKernel(): Kernel {
  return kernelOf('allocation', () => ({
    storage: { triplets: 'array<f32>', pruned: 'array<f32>', scalars: 'array<f32>' },
    params: { total: 'u32' },
    step: true,
    main: `  if (i >= p.total || step.method[0].y == 0.0) { return; }
${finiteGuard}
  let scores = 2u * p.total;
  let own = triplets[scores + i];
  var below = 0u;
  for (var k = 0u; k < p.total; k++) { below += select(0u, 1u, triplets[scores + k] < own); }
  pruned[i] = select(0.0, 1.0, f32(below) < step.method[0].y);`,
  }));
}

/** Sets the values of pruned triplets to zero where `step.method[0].z` is not 0. */
export function emitTripletMask(emit: Emitter, { values, first }: MaskedValues, pruned: Tensor, scalars: Tensor): void {
  const count = elements(values.shape);
  emit.dispatch(maskKernel(), [values, pruned, scalars], [count, first], grid1d(count, groupSize));
}

function maskKernel(): Kernel {
  return kernelOf('triplet_mask', () => ({
    storage: { values: 'array<f32>', pruned: 'array<f32>', scalars: 'array<f32>' },
    params: { count: 'u32', first: 'u32' },
    step: true,
    main: `  if (i >= p.count || step.method[0].z == 0.0) { return; }
${finiteGuard}
  if (pruned[p.first + i] != 0.0) { values[i] = 0.0; }`,
  }));
}
