import { problem } from '../../../src/common/errors';
import type { GraphBuilder } from '../graph/builder';
import type { BackwardEmitter, Emitter } from '../graph/node';
import type { Tensor } from '../graph/tensor';
import { f32 } from '../runtime/kernel';
import { launchColumns, launchRows } from './normKernels';
import { emitColumnSum } from './reduce';
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
    cheap: true,
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
  const launch = launchRows(emit, weight, [rows, width]);
  emit.dispatch(rmsForward(launch), [x, weight, y, rstd], [...launch.params, f32(eps)], launch.grid);
}

function emitInputGradient(emit: BackwardEmitter, { x, weight, y, rstd, rows, width }: Site): void {
  const launch = launchRows(emit, weight, [rows, width]);
  const dy = emit.grad(y);
  const dx = emit.into(x);
  const bindings = [x, weight, rstd, dy, dx.tensor];
  emit.dispatch(rmsInputGradient(launch), bindings, [...launch.params, dx.accumulate ? 1 : 0], launch.grid);
}

function emitWeightGradient(emit: BackwardEmitter, { x, weight, y, rstd, rows, width }: Site): void {
  const { vector, chunks, params, grid } = launchColumns(rows, width);
  const partial = emit.temp('weight_partial', [chunks, width]);
  emit.dispatch(rmsWeightGradient(vector), [x, rstd, emit.grad(y), partial], params, grid);
  const block = { tensor: partial, rows: chunks, stride: width, offset: 0, columns: width };
  emitColumnSum(emit, block, emit.into(weight));
}
