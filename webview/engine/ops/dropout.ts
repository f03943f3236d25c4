import { problem } from '../../../src/common/errors';
import type { GraphBuilder } from '../graph/builder';
import type { Emitter, GradientTarget } from '../graph/node';
import { elements, type Tensor } from '../graph/tensor';
import { f32, grid1d, type Kernel } from '../runtime/kernel';
import { dropoutFunctions } from './dropoutHash';
import { groupSize, kernelOf, put } from './kernelSource';

function dropoutKernel(): Kernel {
  return kernelOf('dropout', () => ({
    storage: { x: 'array<f32>', y: 'array<f32>' },
    params: { count: 'u32', key: 'u32', rate: 'f32', scale: 'f32', accumulate: 'u32' },
    declarations: dropoutFunctions,
    step: true,
    main: `  if (i >= p.count) { return; }
  let value = select(0.0, x[i] * p.scale, keep(step.seed, p.key, i, p.rate));
  ${put('y[i]', 'value')}`,
  }));
}

/** `rate` in [0, 1); `key` tells this mask from the others of the model (an unsigned 32-bit integer). */
export interface DropoutOptions {
  readonly rate: number;
  readonly key: number;
}

/**
 * to (+)= from·mask/(1 − rate), or from itself outside training. Both hold `from`'s elements; the mask depends on
 * `step.seed`, `key` and the index.
 */
export function emitDropout(emit: Emitter, from: Tensor, to: GradientTarget, options: DropoutOptions): void {
  const { key } = options;
  const rate = emit.training ? options.rate : 0;
  const count = elements(from.shape);
  const params = [count, key >>> 0, f32(rate), f32(1 / (1 - rate)), to.accumulate ? 1 : 0];
  emit.dispatch(dropoutKernel(), [from, to.tensor], params, grid1d(count, groupSize));
}

/**
 * y = x·mask/(1 − rate) (Srivastava et al. 2014), the mask drawn anew for each micro-batch from `step.seed` and `key`.
 * Nothing is saved: the backward draws the same mask again. A rate of 0 returns `x` itself.
 */
export function dropout(g: GraphBuilder, name: string, x: Tensor, options: DropoutOptions): Tensor {
  const { rate } = options;
  if (!(rate >= 0 && rate < 1))
    throw problem('graph.dropout', `${name}: a dropout rate of ${rate} is impossible.`, 'Use a value from 0 up to 1.');
  if (rate === 0) return x;
  const y = g.value(name, x.shape);
  g.add({
    name,
    kind: 'dropout',
    cheap: true,
    inputs: [x],
    outputs: [y],
    saves: () => [],
    forward: emit => emitDropout(emit, x, { tensor: y, accumulate: false }, options),
    backward: emit => emitDropout(emit, emit.grad(y), emit.into(x), options),
  });
  return y;
}
