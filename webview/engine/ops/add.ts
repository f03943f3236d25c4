import { problem } from '../../../src/common/errors';
import type { GraphBuilder } from '../graph/builder';
import { elements, type Tensor } from '../graph/tensor';
import { grid1d, type Kernel } from '../runtime/kernel';
import { groupSize, kernelOf, vectorFor, type Vector } from './kernelSource';

function addKernel(vector: Vector): Kernel {
  return kernelOf(`add${vector.suffix}`, () => ({
    storage: { a: 'array<V>', b: 'array<V>', y: 'array<V>' },
    params: { count: 'u32' },
    declarations: vector.declarations,
    main: `  if (i < p.count) { y[i] = a[i] + b[i]; }`,
  }));
}

/** y = a + b, two different tensors of one shape (the residual connection). */
export function add(g: GraphBuilder, name: string, a: Tensor, b: Tensor): Tensor {
  if (a.id === b.id || a.shape.join() !== b.shape.join())
    throw problem(
      'graph.shape',
      `${name}: cannot add ${a.name} [${a.shape.join(', ')}] and ${b.name} [${b.shape.join(', ')}].`,
      'Both must be different tensors of one shape; compare config.json with the model file.',
    );
  const y = g.value(name, a.shape);
  g.add({
    name,
    kind: 'add',
    inputs: [a, b],
    outputs: [y],
    saves: () => [],
    forward: emit => {
      const vector = vectorFor(a.shape[a.shape.length - 1]);
      const count = elements(a.shape) / vector.step;
      emit.dispatch(addKernel(vector), [a, b, y], [count], grid1d(count, groupSize));
    },
    backward: emit => {
      emit.pass(a, emit.grad(y));
      emit.pass(b, emit.grad(y));
    },
  });
  return y;
}
