import type { Emitter } from '../graph/node';
import { elements, type Tensor } from '../graph/tensor';
import { grid1d, linearIndex, type Kernel } from '../runtime/kernel';

const size = 64;

function kernel(name: string, statement: string): Kernel {
  const code = `
struct Params { count: u32 }
@group(0) @binding(0) var<storage, read_write> target_: array<f32>;
@group(0) @binding(1) var<storage, read_write> source: array<f32>;
@group(1) @binding(0) var<uniform> p: Params;
${linearIndex(size)}
  if (i >= p.count) { return; }
  ${statement}
}`;
  return { key: name, code, bindings: 2, step: false };
}

const addKernel = kernel('add_into', 'target_[i] = target_[i] + source[i];');
const copyKernel = kernel('copy_into', 'target_[i] = source[i];');

/** target += source, both f32 of one shape. */
export function addInto(emit: Emitter, target: Tensor, source: Tensor): void {
  const count = elements(target.shape);
  emit.dispatch(addKernel, [target, source], [count], grid1d(count, size));
}

/** target = source, both f32 of one shape. */
export function copyInto(emit: Emitter, target: Tensor, source: Tensor): void {
  const count = elements(target.shape);
  emit.dispatch(copyKernel, [target, source], [count], grid1d(count, size));
}
