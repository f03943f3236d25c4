import { problem } from '../../../src/common/errors';
import type { GraphBuilder } from '../graph/builder';
import type { BackwardEmitter, Emitter } from '../graph/node';
import type { Tensor } from '../graph/tensor';
import { f32 } from '../runtime/kernel';
import { layerNormForward, layerNormInputGradient, layerNormWeightGradient } from './layerNormKernels';
import { launchColumns, launchRows } from './normKernels';
import { emitColumnSum, emitLongColumnSum } from './reduce';

interface Site {
  readonly x: Tensor;
  readonly weight: Tensor;
  readonly bias: Tensor;
  readonly y: Tensor;
  /** Mean and 1/σ of each row, [S, 2]. */
  readonly stats: Tensor;
  readonly rows: number;
  readonly width: number;
  readonly eps: number;
}

/**
 * y = (x − mean) / √(var + eps) · weight + bias over the last axis (Ba, Kiros and Hinton 2016), biased variance.
 * `x` [S, n]; `weight` and `bias` [n], both f32 or, when frozen, both f16; y [S, n].
 */
export function layerNorm(g: GraphBuilder, name: string, x: Tensor, weight: Tensor, bias: Tensor, eps: number): Tensor {
  const [rows, width] = x.shape;
  const fits = [weight, bias].every(t => t.shape.length === 1 && t.shape[0] === width && t.dtype === weight.dtype);
  if (x.shape.length !== 2 || !fits)
    throw problem(
      'graph.shape',
      `${name}: LayerNorm of [${x.shape.join(', ')}] cannot use a weight [${weight.shape.join(', ')}] ` +
        `and a bias [${bias.shape.join(', ')}] of one type.`,
      'Both must have one value per column and one type; compare hidden_size in config.json with the model file.',
    );
  const y = g.value(name, [rows, width]);
  const stats = g.value(`${name}.stats`, [rows, 2]);
  const site: Site = { x, weight, bias, y, stats, rows, width, eps };
  g.add({
    name,
    kind: 'layerNorm',
    cheap: true,
    inputs: [x, weight, bias],
    outputs: [y, stats],
    saves: needs => (needs(x) || needs(weight) ? [x, weight, stats] : []),
    forward: emit => emitForward(emit, site),
    backward: emit => {
      if (emit.needs(x)) emitInputGradient(emit, site);
      emitParameterGradients(emit, site);
    },
  });
  return y;
}

function emitForward(emit: Emitter, { x, weight, bias, y, stats, rows, width, eps }: Site): void {
  const launch = launchRows(emit, weight, [rows, width]);
  emit.dispatch(layerNormForward(launch), [x, weight, bias, y, stats], [...launch.params, f32(eps)], launch.grid);
}

function emitInputGradient(emit: BackwardEmitter, { x, weight, y, stats, rows, width }: Site): void {
  const launch = launchRows(emit, weight, [rows, width]);
  const dy = emit.grad(y);
  const dx = emit.into(x);
  const bindings = [x, weight, stats, dy, dx.tensor];
  emit.dispatch(layerNormInputGradient(launch), bindings, [...launch.params, dx.accumulate ? 1 : 0], launch.grid);
}

function emitParameterGradients(emit: BackwardEmitter, { x, weight, bias, y, stats, rows, width }: Site): void {
  if (!emit.needs(weight)) {
    const block = { tensor: emit.grad(y), rows, stride: width, offset: 0, columns: width };
    if (emit.needs(bias)) emitLongColumnSum(emit, block, emit.into(bias));
    return;
  }
  const { vector, chunks, params, grid } = launchColumns(rows, width);
  const partial = emit.temp('parameter_partial', [chunks, 2 * width]);
  const bindings = [x, stats, emit.grad(y), partial];
  emit.dispatch(layerNormWeightGradient(vector), bindings, params, grid);
  const block = { tensor: partial, rows: chunks, stride: 2 * width, offset: 0, columns: width };
  emitColumnSum(emit, block, emit.into(weight));
  if (emit.needs(bias)) emitColumnSum(emit, { ...block, offset: width }, emit.into(bias));
}
