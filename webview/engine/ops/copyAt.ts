import type { Emitter } from '../graph/node';
import { elements, type Tensor } from '../graph/tensor';
import { grid1d } from '../runtime/kernel';
import { groupSize, kernelOf } from './kernelSource';

/** target[at …] = all of `source`, both f32. */
export function emitCopyAt(emit: Emitter, source: Tensor, target: Tensor, at: number): void {
  const kernel = kernelOf('copy_at', () => ({
    storage: { source: 'array<f32>', out: 'array<f32>' },
    params: { count: 'u32', at: 'u32' },
    main: `  if (i >= p.count) { return; }
  out[p.at + i] = source[i];`,
  }));
  const count = elements(source.shape);
  emit.dispatch(kernel, [source, target], [count, at], grid1d(count, groupSize));
}
