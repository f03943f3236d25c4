import { problem } from '../../../src/common/errors';
import type { GraphBuilder } from '../graph/builder';
import type { BackwardEmitter, Emitter } from '../graph/node';
import type { Tensor } from '../graph/tensor';
import { grid1d, type Kernel } from '../runtime/kernel';
import { tanh } from './activationFunctions';
import { groupSize, kernelOf } from './kernelSource';
import { linear } from './linear';
import { emitMatmul } from './matmul';
import { emitColumnSum } from './reduce';

/** One direction of one layer, as torch.nn.LSTM stores it; gates lie one after another: input, forget, cell, output. */
export interface LstmWeights {
  /** [4H, in]. */
  readonly inputWeight: Tensor;
  /** [4H, H]. */
  readonly hiddenWeight: Tensor;
  /** [4H] each. */
  readonly inputBias: Tensor;
  readonly hiddenBias: Tensor;
}

interface Direction {
  readonly weights: LstmWeights;
  /** x·Wᵀ + inputBias, [P, 4H]. */
  readonly projected: Tensor;
  /** Gates after their functions, [P, 4H], and cells, [P, H]. */
  readonly gates: Tensor;
  readonly cells: Tensor;
  readonly reverse: boolean;
  /** First column of this direction in the output. */
  readonly column: number;
}

interface Layer {
  readonly y: Tensor;
  readonly hidden: number;
  readonly steps: number;
}

/**
 * A bidirectional LSTM layer over one sequence: x [P, in] → [P, 2H], forward states first (torch.nn.LSTM). With gates
 * i, f, o = σ(·) and g = tanh(·) of W x + b + U h + c: c' = f∘c + i∘g, h' = o∘tanh(c'). The input projection is one
 * product over all steps; the recurrence is one dispatch per step and direction.
 */
export function lstmLayer(
  g: GraphBuilder,
  name: string,
  x: Tensor,
  directions: readonly [LstmWeights, LstmWeights],
): Tensor {
  const steps = x.shape[0];
  const hidden = directions[0].hiddenWeight.shape[1];
  check(name, x, directions);
  const layer: Layer = { y: g.value(name, [steps, 2 * hidden]), hidden, steps };
  const runs = directions.map((weights, at): Direction => {
    const own = `${name}.${at === 0 ? 'forward' : 'reverse'}`;
    const { inputWeight: weight, inputBias: bias } = weights;
    return {
      weights,
      projected: linear(g, `${own}.input`, x, { weight, bias, layout: 'oi' }),
      gates: g.value(`${own}.gates`, [steps, 4 * hidden]),
      cells: g.value(`${own}.cells`, [steps, hidden]),
      reverse: at === 1,
      column: at * hidden,
    };
  });
  g.add({
    name,
    kind: 'lstm',
    inputs: runs.flatMap(({ projected, weights }) => [projected, weights.hiddenWeight, weights.hiddenBias]),
    outputs: [layer.y, ...runs.flatMap(({ gates, cells }) => [gates, cells])],
    saves: () => [layer.y, ...runs.flatMap(({ gates, cells, weights }) => [gates, cells, weights.hiddenWeight])],
    forward: emit => runs.forEach(run => emitForward(emit, layer, run)),
    backward: emit => runs.forEach(run => emitBackward(emit, layer, run)),
  });
  return layer.y;
}

function check(name: string, x: Tensor, directions: readonly LstmWeights[]): void {
  const H = directions[0].hiddenWeight.shape[1];
  const fits = directions.every(
    ({ inputWeight, hiddenWeight, inputBias, hiddenBias }) =>
      inputWeight.shape.join() === `${4 * H},${x.shape[1]}` &&
      hiddenWeight.shape.join() === `${4 * H},${H}` &&
      inputBias.shape.join() === `${4 * H}` &&
      hiddenBias.shape.join() === `${4 * H}`,
  );
  if (!fits)
    throw problem(
      'graph.shape',
      `${name}: the weights of an LSTM do not fit inputs of width ${x.shape[1]} and states of ${H}.`,
      'This is a defect in a method.',
    );
}

/** Steps in the order of the direction, each with the one before it. */
function order({ steps }: Layer, { reverse }: Direction): { step: number; previous: number }[] {
  return Array.from({ length: steps }, (_, at) => ({
    step: reverse ? steps - 1 - at : at,
    previous: at === 0 ? steps : reverse ? steps - at : at - 1,
  }));
}

function emitForward(emit: Emitter, layer: Layer, run: Direction): void {
  const { projected, weights, gates, cells, column } = run;
  const bindings = [projected, weights.hiddenWeight, weights.hiddenBias, gates, cells, layer.y];
  for (const { step, previous } of order(layer, run)) {
    const params = [layer.hidden, layer.steps, step, previous, column];
    emit.dispatch(forwardKernel(), bindings, params, grid1d(layer.hidden, groupSize));
  }
}

function emitBackward(emit: BackwardEmitter, layer: Layer, run: Direction): void {
  const { projected, weights, gates, cells, column } = run;
  const { hidden, steps, y } = layer;
  const dGates = emit.temp('d_gates', [steps, 4 * hidden]);
  const dCell = emit.temp('d_cell', [hidden]);
  const bindings = [emit.grad(y), weights.hiddenWeight, gates, cells, dGates, dCell];
  const backwards = order(layer, run).reverse();
  backwards.forEach(({ step, previous }, at) => {
    const following = at === 0 ? steps : backwards[at - 1].step;
    const params = [hidden, steps, step, previous, following, column];
    emit.dispatch(backwardKernel(), bindings, params, grid1d(hidden, groupSize));
  });
  if (emit.needs(weights.hiddenWeight) && steps > 1) emitHiddenWeight(emit, layer, run, dGates);
  if (emit.needs(weights.hiddenBias)) {
    const columns = { tensor: dGates, rows: steps, stride: 4 * hidden, offset: 0, columns: 4 * hidden };
    emitColumnSum(emit, columns, emit.into(weights.hiddenBias));
  }
  emit.pass(projected, dGates);
}

/** dU = Σ dgates[t]ᵀ · h[before t]: one product over the steps that have one before them. */
function emitHiddenWeight(emit: BackwardEmitter, { y, hidden, steps }: Layer, run: Direction, dGates: Tensor): void {
  const { tensor, accumulate } = emit.into(run.weights.hiddenWeight);
  emitMatmul(emit, {
    form: 'tn',
    a: dGates,
    b: y,
    out: tensor,
    m: 4 * hidden,
    n: hidden,
    k: steps - 1,
    aOffset: run.reverse ? 0 : 4 * hidden,
    ldb: 2 * hidden,
    bOffset: run.column + (run.reverse ? 2 * hidden : 0),
    accumulate,
  });
}

const scalarFunctions = `alias V = f32;${tanh}
fn sigmoid(x: f32) -> f32 { return 1.0 / (1.0 + exp(min(-x, 88.0))); }
`;

/** An invocation is one unit of the state. `previous` = `steps` where there is none. */
function forwardKernel(): Kernel {
  return kernelOf('lstm_step', () => ({
    storage: {
      projected: 'array<f32>',
      weight: 'array<f32>',
      bias: 'array<f32>',
      gates: 'array<f32>',
      cells: 'array<f32>',
      y: 'array<f32>',
    },
    params: { hidden: 'u32', steps: 'u32', step: 'u32', previous: 'u32', column: 'u32' },
    declarations: scalarFunctions,
    main: `  if (i >= p.hidden) { return; }
  let own = p.step * 4u * p.hidden + i;
  var gate: array<f32, 4>;
  for (var n = 0u; n < 4u; n++) { gate[n] = projected[own + n * p.hidden] + bias[n * p.hidden + i]; }
  var before = 0.0;
  if (p.previous < p.steps) {
    before = cells[p.previous * p.hidden + i];
    let state = p.previous * 2u * p.hidden + p.column;
    for (var n = 0u; n < 4u; n++) {
      let row = (n * p.hidden + i) * p.hidden;
      for (var j = 0u; j < p.hidden; j++) { gate[n] += weight[row + j] * y[state + j]; }
    }
  }
  gate[0] = sigmoid(gate[0]);
  gate[1] = sigmoid(gate[1]);
  gate[2] = tanh_of(gate[2]);
  gate[3] = sigmoid(gate[3]);
  let cell = gate[1] * before + gate[0] * gate[2];
  for (var n = 0u; n < 4u; n++) { gates[own + n * p.hidden] = gate[n]; }
  cells[p.step * p.hidden + i] = cell;
  y[p.step * 2u * p.hidden + p.column + i] = gate[3] * tanh_of(cell);`,
  }));
}

/** Back through time: `following` is the step whose gradient is already there, `steps` where there is none. */
function backwardKernel(): Kernel {
  return kernelOf('lstm_step_back', () => ({
    storage: {
      dy: 'array<f32>',
      weight: 'array<f32>',
      gates: 'array<f32>',
      cells: 'array<f32>',
      d_gates: 'array<f32>',
      d_cell: 'array<f32>',
    },
    params: { hidden: 'u32', steps: 'u32', step: 'u32', previous: 'u32', following: 'u32', column: 'u32' },
    declarations: scalarFunctions,
    main: `  if (i >= p.hidden) { return; }
  let H = p.hidden;
  var dh = dy[p.step * 2u * H + p.column + i];
  var dc = 0.0;
  if (p.following < p.steps) {
    let after = p.following * 4u * H;
    for (var row = 0u; row < 4u * H; row++) { dh += weight[row * H + i] * d_gates[after + row]; }
    dc = d_cell[i] * gates[after + H + i];
  }
  let own = p.step * 4u * H + i;
  let input = gates[own];
  let keep = gates[own + H];
  let fresh = gates[own + 2u * H];
  let output = gates[own + 3u * H];
  let squashed = tanh_of(cells[p.step * H + i]);
  var before = 0.0;
  if (p.previous < p.steps) { before = cells[p.previous * H + i]; }
  dc += dh * output * (1.0 - squashed * squashed);
  d_cell[i] = dc;
  d_gates[own] = dc * fresh * input * (1.0 - input);
  d_gates[own + H] = dc * before * keep * (1.0 - keep);
  d_gates[own + 2u * H] = dc * input * (1.0 - fresh * fresh);
  d_gates[own + 3u * H] = dh * squashed * output * (1.0 - output);`,
  }));
}
