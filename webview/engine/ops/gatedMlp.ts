import { problem } from '../../../src/common/errors';
import type { GraphBuilder } from '../graph/builder';
import type { BackwardEmitter, GradientTarget } from '../graph/node';
import { elements, type Tensor } from '../graph/tensor';
import { grid1d, type Kernel } from '../runtime/kernel';
import { activations } from './activationFunctions';
import { groupSize, kernelOf, vectorFor, type Vector } from './kernelSource';

function forwardKernel(vector: Vector): Kernel {
  return kernelOf(`silu_gate${vector.suffix}`, () => ({
    storage: { gate: 'array<V>', up: 'array<V>', y: 'array<V>' },
    params: { count: 'u32' },
    declarations: vector.declarations + activations.silu.functions,
    main: `  if (i >= p.count) { return; }
  let x = gate[i];
  y[i] = ${activations.silu.forward} * up[i];`,
  }));
}

const store = (name: string, value: string) =>
  `if (p.add_${name} != 0u) { ${name}[i] = ${name}[i] + ${value}; } else { ${name}[i] = ${value}; }`;

function gateKernel(vector: Vector): Kernel {
  return kernelOf(`silu_gate_dgate${vector.suffix}`, () => ({
    storage: { gate: 'array<V>', up: 'array<V>', dy: 'array<V>', dgate: 'array<V>' },
    params: { count: 'u32', add_dgate: 'u32' },
    declarations: vector.declarations + activations.silu.functions,
    main: `  if (i >= p.count) { return; }
  let x = gate[i];
  let s = sigmoid(x);
  let value = dy[i] * up[i] * s * (1.0 + x * (1.0 - s));
  ${store('dgate', 'value')}`,
  }));
}

function upKernel(vector: Vector): Kernel {
  return kernelOf(`silu_gate_dup${vector.suffix}`, () => ({
    storage: { gate: 'array<V>', dy: 'array<V>', dup: 'array<V>' },
    params: { count: 'u32', add_dup: 'u32' },
    declarations: vector.declarations + activations.silu.functions,
    main: `  if (i >= p.count) { return; }
  let x = gate[i];
  let value = dy[i] * ${activations.silu.forward};
  ${store('dup', 'value')}`,
  }));
}

function bothKernel(vector: Vector): Kernel {
  return kernelOf(`silu_gate_dboth${vector.suffix}`, () => ({
    storage: { gate: 'array<V>', up: 'array<V>', dy: 'array<V>', dgate: 'array<V>', dup: 'array<V>' },
    params: { count: 'u32', add_dgate: 'u32', add_dup: 'u32' },
    declarations: vector.declarations + activations.silu.functions,
    main: `  if (i >= p.count) { return; }
  let x = gate[i];
  let s = sigmoid(x);
  let gradient = dy[i];
  let gate_value = gradient * up[i] * s * (1.0 + x * (1.0 - s));
  let up_value = gradient * x * s;
  ${store('dgate', 'gate_value')}
  ${store('dup', 'up_value')}`,
  }));
}

/**
 * y = silu(gate)·up, the nonlinearity of Llama's MLP (Shazeer 2020, SwiGLU). `gate`, `up`, y: [S, f].
 * Each input's gradient is computed only where it is wanted.
 */
export function siluGate(g: GraphBuilder, name: string, gate: Tensor, up: Tensor): Tensor {
  if (gate.id === up.id || gate.shape.join() !== up.shape.join())
    throw problem(
      'graph.shape',
      `${name}: gate [${gate.shape.join(', ')}] and up [${up.shape.join(', ')}] must be two tensors of one shape.`,
      'Compare intermediate_size in config.json with the model file.',
    );
  const y = g.value(name, gate.shape);
  const vector = vectorFor(gate.shape[gate.shape.length - 1]);
  const count = elements(gate.shape) / vector.step;
  g.add({
    name,
    kind: 'siluGate',
    cheap: true,
    inputs: [gate, up],
    outputs: [y],
    saves: needs => (needs(gate) ? [gate, up] : [gate]),
    forward: emit => emit.dispatch(forwardKernel(vector), [gate, up, y], [count], grid1d(count, groupSize)),
    backward: emit => emitBackward(emit, { gate, up, y, vector, count }),
  });
  return y;
}

interface Site {
  readonly gate: Tensor;
  readonly up: Tensor;
  readonly y: Tensor;
  readonly vector: Vector;
  readonly count: number;
}

function emitBackward(emit: BackwardEmitter, { gate, up, y, vector, count }: Site): void {
  const grid = grid1d(count, groupSize);
  const dy = emit.grad(y);
  const dgate = emit.needs(gate) ? emit.into(gate) : undefined;
  const dup = emit.needs(up) ? emit.into(up) : undefined;
  const flag = (target: GradientTarget) => (target.accumulate ? 1 : 0);
  if (dgate && dup) {
    const bindings = [gate, up, dy, dgate.tensor, dup.tensor];
    emit.dispatch(bothKernel(vector), bindings, [count, flag(dgate), flag(dup)], grid);
  } else if (dgate) emit.dispatch(gateKernel(vector), [gate, up, dy, dgate.tensor], [count, flag(dgate)], grid);
  else if (dup) emit.dispatch(upKernel(vector), [gate, dy, dup.tensor], [count, flag(dup)], grid);
}
