import type { GraphBuilder } from '../graph/builder';
import type { BackwardEmitter, Emitter } from '../graph/node';
import { elements, type Tensor } from '../graph/tensor';
import { grid1d, type Kernel } from '../runtime/kernel';
import { activations, type ActivationName } from './activationFunctions';
import { groupSize, kernelOf, put, vectorFor, type Vector } from './kernelSource';

function forwardKernel(kind: ActivationName, vector: Vector): Kernel {
  return kernelOf(`${kind}${vector.suffix}`, () => ({
    storage: { source: 'array<V>', y: 'array<V>' },
    params: { count: 'u32' },
    declarations: vector.declarations + activations[kind].functions,
    main: `  if (i >= p.count) { return; }
  let x = source[i];
  y[i] = ${activations[kind].forward};`,
  }));
}

function backwardKernel(kind: ActivationName, vector: Vector): Kernel {
  return kernelOf(`${kind}_dx${vector.suffix}`, () => ({
    storage: { source: 'array<V>', dy: 'array<V>', dx: 'array<V>' },
    params: { count: 'u32', accumulate: 'u32' },
    declarations: vector.declarations + activations[kind].functions,
    main: `  if (i >= p.count) { return; }
  let x = source[i];
  let value = dy[i] * (${activations[kind].derivative});
  ${put('dx[i]', 'value')}`,
  }));
}

/** y = f(x) for every element of `x`, any shape. Saves x. */
export function activation(g: GraphBuilder, name: string, x: Tensor, kind: ActivationName): Tensor {
  const y = g.value(name, x.shape);
  const vector = vectorFor(x.shape[x.shape.length - 1]);
  const count = elements(x.shape) / vector.step;
  const grid = grid1d(count, groupSize);
  g.add({
    name,
    kind,
    cheap: true,
    inputs: [x],
    outputs: [y],
    saves: () => [x],
    forward: (emit: Emitter) => emit.dispatch(forwardKernel(kind, vector), [x, y], [count], grid),
    backward: (emit: BackwardEmitter) => {
      const dx = emit.into(x);
      const params = [count, dx.accumulate ? 1 : 0];
      emit.dispatch(backwardKernel(kind, vector), [x, emit.grad(y), dx.tensor], params, grid);
    },
  });
  return y;
}

/** GELU: `tanh` is GPT-2's approximation (`gelu_new`), `erf` the exact form (`gelu`). */
export function gelu(g: GraphBuilder, name: string, x: Tensor, form: 'tanh' | 'erf'): Tensor {
  return activation(g, name, x, form === 'tanh' ? 'gelu_tanh' : 'gelu_erf');
}

/** x·sigmoid(x). */
export function silu(g: GraphBuilder, name: string, x: Tensor): Tensor {
  return activation(g, name, x, 'silu');
}

/** max(x, 0), with derivative 0 at 0. */
export function relu(g: GraphBuilder, name: string, x: Tensor): Tensor {
  return activation(g, name, x, 'relu');
}

/** The hyperbolic tangent. */
export function tanh(g: GraphBuilder, name: string, x: Tensor): Tensor {
  return activation(g, name, x, 'tanh');
}
