import { problem } from '../../../src/common/errors';
import type { GraphBuilder } from '../graph/builder';
import type { BackwardEmitter, Emitter } from '../graph/node';
import type { Tensor } from '../graph/tensor';
import { grid1d } from '../runtime/kernel';
import { denseRows, eachDense } from './dequantize';
import { groupSize, kernelOf } from './kernelSource';
import { emitMatmul, splitOverTokens } from './matmul';
import { emitLongColumnSum } from './reduce';

/** A dense layer's tensors. `oi`: weight [out, in] (torch Linear); `io`: [in, out] (GPT-2's Conv1D). */
export interface LinearWeights {
  readonly weight: Tensor;
  readonly bias?: Tensor;
  readonly layout: 'oi' | 'io';
}

/** The sizes of a linear over S tokens. */
export interface LinearSizes {
  readonly S: number;
  readonly inner: number;
  readonly outer: number;
}

/**
 * y [S, out] = x [S, in] · Wᵀ + bias. The weight may be f16 if it is frozen, or packed in blocks (then layout `oi`).
 * @throws `graph.linear` when the shapes do not fit.
 */
export function linear(g: GraphBuilder, name: string, x: Tensor, weights: LinearWeights): Tensor {
  const sizes = linearSizes(name, x, weights);
  const y = g.value(name, [sizes.S, sizes.outer]);
  const { weight, bias } = weights;
  g.add({
    name,
    kind: 'linear',
    inputs: [x, weight, ...(bias ? [bias] : [])],
    outputs: [y],
    saves: needs => [...(needs(weight) ? [x] : []), ...(needs(x) ? [weight] : [])],
    forward: emit => emitLinear(emit, x, weights, y),
    backward: emit => emitLinearBackward(emit, x, weights, y),
  });
  return y;
}

/** Checks x, weight and bias against each other. */
export function linearSizes(name: string, x: Tensor, { weight, bias, layout }: LinearWeights): LinearSizes {
  const [S, inner] = x.shape;
  const [outer, expected] = layout === 'oi' ? weight.shape : [weight.shape[1], weight.shape[0]];
  if (x.shape.length !== 2 || weight.shape.length !== 2 || inner !== expected || (bias && bias.shape[0] !== outer))
    throw problem(
      'graph.linear',
      `${name}: a ${layout} weight [${weight.shape.join(', ')}] does not fit an input of width ${inner}.`,
      'The model files do not match config.json.',
    );
  return { S, inner, outer };
}

/** y = x·Wᵀ + bias. */
export function emitLinear(emit: Emitter, x: Tensor, { weight, bias, layout }: LinearWeights, y: Tensor): void {
  const [m, k] = x.shape;
  const outer = y.shape[1];
  const form = layout === 'oi' ? 'nt' : 'nn';
  const inParts = denseRows(weight).length > 1;
  const biasFirst = inParts && bias !== undefined;
  if (biasFirst) emitRepeatRow(emit, bias, y);
  eachDense(emit, weight, ({ tensor, firstRow, rows }) => {
    const where = { m, n: inParts ? rows : outer, k, ldo: outer, outOffset: firstRow };
    emitMatmul(emit, {
      form,
      a: x,
      b: tensor,
      out: y,
      ...where,
      bias: inParts ? undefined : bias,
      accumulate: biasFirst,
    });
  });
}

/** Every row of out = row. */
function emitRepeatRow(emit: Emitter, row: Tensor, out: Tensor): void {
  const [rows, columns] = out.shape;
  const kernel = kernelOf('repeat_row', () => ({
    storage: { row: 'array<f32>', out: 'array<f32>' },
    params: { count: 'u32', columns: 'u32' },
    main: `  if (i < p.count) { out[i] = row[i % p.columns]; }`,
  }));
  emit.dispatch(kernel, [row, out], [rows * columns, columns], grid1d(rows * columns, groupSize));
}

/** dX, dW and db, each only if wanted. */
export function emitLinearBackward(emit: BackwardEmitter, x: Tensor, weights: LinearWeights, y: Tensor): void {
  const { weight, bias, layout } = weights;
  const [S, inner] = x.shape;
  const outer = y.shape[1];
  const dy = emit.grad(y);
  if (emit.needs(weight)) {
    const { tensor, accumulate } = emit.into(weight);
    const [a, b, m, n] = layout === 'oi' ? [dy, x, outer, inner] : [x, dy, inner, outer];
    const shape = { form: 'tn', m, n, k: S } as const;
    emitMatmul(emit, { ...shape, a, b, out: tensor, accumulate, split: splitOverTokens(emit, shape) });
  }
  if (bias && emit.needs(bias))
    emitLongColumnSum(emit, { tensor: dy, rows: S, stride: outer, offset: 0, columns: outer }, emit.into(bias));
  if (emit.needs(x)) {
    const { tensor, accumulate } = emit.into(x);
    const form = layout === 'oi' ? 'nn' : 'nt';
    const inParts = denseRows(weight).length > 1;
    eachDense(emit, weight, ({ tensor: b, firstRow, rows }) => {
      const where = { m: S, n: inner, k: inParts ? rows : outer, lda: outer, aOffset: firstRow };
      emitMatmul(emit, { form, a: dy, b, out: tensor, ...where, accumulate: accumulate || firstRow > 0 });
    });
  }
}
