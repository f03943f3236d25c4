import { problem } from '../../../src/common/errors';
import type { GraphBuilder } from '../graph/builder';
import type { Emitter } from '../graph/node';
import type { Tensor } from '../graph/tensor';
import { f32, grid1d, type Kernel } from '../runtime/kernel';
import { groupSize, kernelOf, put, vectorFor, type Vector } from './kernelSource';

export interface RopeOptions {
  readonly heads: number;
  readonly headDim: number;
  /**
   * Cosines and sines of the angles, f32 [longest, headDim/2] each; every position must be below `longest`. They come as
   * tables because WGSL's sin and cos promise little for large angles.
   */
  readonly cos: Tensor;
  readonly sin: Tensor;
}

function ropeKernel(vector: Vector): Kernel {
  return kernelOf(`rope${vector.suffix}`, () => ({
    storage: { x: 'array<V>', cos_table: 'array<V>', sin_table: 'array<V>', positions: 'array<u32>', y: 'array<V>' },
    params: { count: 'u32', heads: 'u32', half_columns: 'u32', direction: 'f32', accumulate: 'u32' },
    declarations: vector.declarations,
    main: `  if (i >= p.count) { return; }
  let pair = i % p.half_columns;
  let head_row = i / p.half_columns;
  let angle = positions[head_row / p.heads] * p.half_columns + pair;
  let c = cos_table[angle];
  let s = sin_table[angle] * p.direction;
  let low = head_row * p.half_columns * 2u + pair;
  let high = low + p.half_columns;
  let a = x[low];
  let b = x[high];
  ${put('y[low]', '(a * c - b * s)')}
  ${put('y[high]', '(b * c + a * s)')}`,
  }));
}

/**
 * Rotary position embedding (Su et al. 2021) in Llama's layout: element j of a head is paired with j + headDim/2.
 * `x` [S, heads·headDim] → the same shape; `positions` u32 [S]. The gradient is the rotation by the opposite angle.
 */
export function rope(g: GraphBuilder, name: string, x: Tensor, positions: Tensor, options: RopeOptions): Tensor {
  const { heads, headDim, cos, sin } = options;
  const [rows, width] = x.shape;
  const half = headDim / 2;
  const tables = [cos, sin].every(table => table.shape[1] === half);
  if (headDim % 2 !== 0 || width !== heads * headDim || !tables || positions.shape[0] !== rows)
    throw problem(
      'graph.shape',
      `${name}: rotary embedding of [${x.shape.join(', ')}] with ${heads} heads of ${headDim} does not fit.`,
      'head_dim must be even and hidden_size = num_attention_heads · head_dim in config.json.',
    );
  const y = g.value(name, x.shape);
  const rotate = (emit: Emitter, from: Tensor, to: { tensor: Tensor; accumulate: boolean }, direction: 1 | -1) => {
    const vector = vectorFor(half);
    const count = (rows * heads * half) / vector.step;
    const params = [count, heads, half / vector.step, f32(direction), to.accumulate ? 1 : 0];
    emit.dispatch(ropeKernel(vector), [from, cos, sin, positions, to.tensor], params, grid1d(count, groupSize));
  };
  g.add({
    name,
    kind: 'rope',
    inputs: [x, positions, cos, sin],
    outputs: [y],
    saves: () => [positions, cos, sin],
    forward: emit => rotate(emit, x, { tensor: y, accumulate: false }, 1),
    backward: emit => rotate(emit, emit.grad(y), emit.into(x), -1),
  });
  return y;
}
