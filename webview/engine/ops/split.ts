import { problem } from '../../../src/common/errors';
import type { GraphBuilder } from '../graph/builder';
import type { BackwardEmitter, Emitter, GradientTarget } from '../graph/node';
import type { Tensor } from '../graph/tensor';
import { grid1d, type Kernel } from '../runtime/kernel';
import { groupSize, kernelOf, put, vectorFor, type Vector } from './kernelSource';

/** A block of columns moved between row-major matrices of different widths; all numbers in floats. */
interface Move {
  readonly rows: number;
  readonly columns: number;
  readonly from: { readonly tensor: Tensor; readonly stride: number; readonly offset: number };
  readonly to: { readonly target: GradientTarget; readonly stride: number; readonly offset: number };
}

function moveKernel(vector: Vector): Kernel {
  return kernelOf(`move_columns${vector.suffix}`, () => ({
    storage: { source: 'array<V>', target_: 'array<V>' },
    params: {
      count: 'u32',
      columns: 'u32',
      from_stride: 'u32',
      from_offset: 'u32',
      to_stride: 'u32',
      to_offset: 'u32',
      accumulate: 'u32',
    },
    declarations: vector.declarations,
    main: `  if (i >= p.count) { return; }
  let row = i / p.columns;
  let column = i % p.columns;
  let value = source[row * p.from_stride + p.from_offset + column];
  let at = row * p.to_stride + p.to_offset + column;
  ${put('target_[at]', 'value')}`,
  }));
}

function emitMove(emit: Emitter, { rows, columns, from, to }: Move): void {
  const vector = vectorFor(columns, from.stride, from.offset, to.stride, to.offset);
  const count = (rows * columns) / vector.step;
  const places = [columns, from.stride, from.offset, to.stride, to.offset].map(value => value / vector.step);
  const params = [count, ...places, to.target.accumulate ? 1 : 0];
  emit.dispatch(moveKernel(vector), [from.tensor, to.target.tensor], params, grid1d(count, groupSize));
}

/** Cuts the columns of `x` [S, Σ widths] into tensors [S, widths[i]] (GPT-2 stores q, k and v in one projection). */
export function split(g: GraphBuilder, name: string, x: Tensor, widths: readonly number[]): Tensor[] {
  const [rows, width] = x.shape;
  const sum = widths.reduce((a, b) => a + b, 0);
  if (x.shape.length !== 2 || sum !== width)
    throw problem(
      'graph.shape',
      `${name}: ${width} columns cannot be split into ${widths.join(' + ')}.`,
      'Compare the shapes of the model file with config.json.',
    );
  const outputs = widths.map((columns, at) => g.value(`${name}.${at}`, [rows, columns]));
  const offsets = widths.map((_, at) => widths.slice(0, at).reduce((a, b) => a + b, 0));
  g.add({
    name,
    kind: 'split',
    inputs: [x],
    outputs,
    saves: () => [],
    forward: emit => {
      outputs.forEach((output, at) => {
        const to = { target: { tensor: output, accumulate: false }, stride: widths[at], offset: 0 };
        emitMove(emit, { rows, columns: widths[at], from: { tensor: x, stride: width, offset: offsets[at] }, to });
      });
    },
    backward: (emit: BackwardEmitter) => {
      const target = emit.into(x);
      outputs.forEach((output, at) => {
        const from = { tensor: emit.grad(output), stride: widths[at], offset: 0 };
        emitMove(emit, { rows, columns: widths[at], from, to: { target, stride: width, offset: offsets[at] } });
      });
    },
  });
  return outputs;
}
