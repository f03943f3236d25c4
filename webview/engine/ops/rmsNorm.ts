import { problem } from '../../../src/common/errors';
import type { GraphBuilder } from '../graph/builder';
import type { BackwardEmitter, Emitter } from '../graph/node';
import type { Tensor } from '../graph/tensor';
import { f32, grid1d } from '../runtime/kernel';
import { groupSize, rowShape, vectorFor } from './kernelSource';
import { chunksOf, emitColumnSum } from './reduce';
import { rmsForward, rmsInputGradient, rmsWeightGradient } from './rmsNormKernels';

interface Site {
  readonly x: Tensor;
  readonly weight: Tensor;
  readonly y: Tensor;
  readonly rstd: Tensor;
  readonly rows: number;
  readonly width: number;
  readonly eps: number;
}

/**
 * y = x / √(mean(x²) + eps) · weight over the last axis (Zhang and Sennrich 2019).
 * `x` [S, n], `weight` [n] as f32, or f16 when frozen; y [S, n].
 */
export function rmsNorm(g: GraphBuilder, name: string, x: Tensor, weight: Tensor, eps: number): Tensor {
  const [rows, width] = x.shape;
  if (x.shape.length !== 2 || weight.shape.length !== 1 || weight.shape[0] !== width)
    throw problem(
      'graph.shape',
      `${name}: RMSNorm of [${x.shape.join(', ')}] cannot use a weight of shape [${weight.shape.join(', ')}].`,
      'The weight must have one value per column; compare hidden_size in config.json with the model file.',
    );
  const y = g.value(name, [rows, width]);
  const rstd = g.value(`${name}.rstd`, [rows]);
  const site: Site = { x, weight, y, rstd, rows, width, eps };
  g.add({
    name,
    kind: 'rmsNorm',
    inputs: [x, weight],
    outputs: [y, rstd],
    saves: () => [x, weight, rstd],
    forward: emit => emitForward(emit, site),
    backward: emit => {
      if (emit.needs(x)) emitInputGradient(emit, site);
      if (emit.needs(weight)) emitWeightGradient(emit, site);
    },
  });
  return y;
}

function emitForward(emit: Emitter, { x, weight, y, rstd, rows, width, eps }: Site): void {
  const vector = vectorFor(width);
  const grid = grid1d(rowShape(emit.profile).invocations(rows), groupSize);
  const params = [rows, width / vector.step, f32(width), f32(eps)];
  emit.dispatch(rmsForward(emit.profile, weight, vector), [x, weight, y, rstd], params, grid);
}

function emitInputGradient(emit: BackwardEmitter, { x, weight, y, rstd, rows, width }: Site): void {
  const vector = vectorFor(width);
  const dy = emit.grad(y);
  const dx = emit.into(x);
  const grid = grid1d(rowShape(emit.profile).invocations(rows), groupSize);
  const params = [rows, width / vector.step, f32(width), dx.accumulate ? 1 : 0];
  emit.dispatch(rmsInputGradient(emit.profile, weight, vector), [x, weight, rstd, dy, dx.tensor], params, grid);
}

function emitWeightGradient(emit: BackwardEmitter, { x, weight, y, rstd, rows, width }: Site): void {
  const vector = vectorFor(width);
  const chunks = chunksOf(rows);
  const columns = width / vector.step;
  const partial = emit.temp('weight_partial', [chunks, width]);
  const params = [rows, columns, chunks];
  const grid = grid1d(chunks * columns, groupSize);
  emit.dispatch(rmsWeightGradient(vector), [x, rstd, emit.grad(y), partial], params, grid);
  const block = { tensor: partial, rows: chunks, stride: width, offset: 0, columns: width };
  emitColumnSum(emit, block, emit.into(weight));
}
