import { problem } from '../../../src/common/errors';
import type { GraphBuilder } from '../graph/builder';
import type { Emitter } from '../graph/node';
import type { Tensor } from '../graph/tensor';
import { grid1d, type Kernel } from '../runtime/kernel';
import { groupSize, kernelOf } from './kernelSource';

/** Threads of the first stage; fixed, so that the order of additions never depends on the adapter. */
const parts = 2048;

/** Σ of squares over rows of examples of more than one token: fillings of a batch are examples of one token. */
function squaresKernel(): Kernel {
  return kernelOf('gate_squares', () => ({
    storage: {
      source: 'array<f32>',
      segment_start: 'array<u32>',
      segment_end: 'array<u32>',
      partial: 'array<f32>',
    },
    params: { count: 'u32', width: 'u32', parts: 'u32' },
    main: `  if (i >= p.parts) { return; }
  var sum = 0.0;
  for (var k = i; k < p.count; k += p.parts) {
    let row = k / p.width;
    if (segment_end[row] - segment_start[row] > 1u) { sum += source[k] * source[k]; }
  }
  partial[i] = sum;`,
  }));
}

/** state[index] = ‖a‖ / ‖z‖, 0 where z vanishes. */
function ratioKernel(): Kernel {
  return kernelOf('gate_ratio', () => ({
    storage: { above: 'array<f32>', below: 'array<f32>', state: 'array<f32>' },
    params: { parts: 'u32', index: 'u32' },
    main: `  if (i > 0u) { return; }
  var a = 0.0;
  var z = 0.0;
  for (var k = 0u; k < p.parts; k++) {
    a += above[k];
    z += below[k];
  }
  state[p.index] = select(0.0, sqrt(a / z), z > 0.0);`,
  }));
}

export interface GateReading {
  /** What the adapter reads [S, ·] and what it adds [S, ·]. */
  readonly z: Tensor;
  readonly a: Tensor;
  /** Where the ratio is written. */
  readonly state: Tensor;
  readonly index: number;
}

/**
 * Measures in training, at each micro-batch anew, how far an adapter moves what it reads: ‖a(z)‖_F / ‖z‖_F over the
 * tokens of the micro-batch (the lecture's x' = x + W_up σ(W_down x): 0 is the identity). Adds nothing to the gradient.
 * @throws `graph.shape` when z and a have different numbers of rows.
 */
export function meterGate(g: GraphBuilder, name: string, { z, a, state, index }: GateReading): void {
  const [S] = z.shape;
  if (a.shape[0] !== S)
    throw problem('graph.shape', `${name}: ${S} and ${a.shape[0]} rows.`, 'This is a defect in a method module.');
  const start = g.input('segment_start', [S]);
  const end = g.input('segment_end', [S]);
  g.add({
    name,
    kind: 'gateMeter',
    inputs: [z, a],
    outputs: [],
    saves: () => [],
    forward: emit => {
      if (!emit.training) return;
      const above = squares(emit, a, [start, end]);
      const below = squares(emit, z, [start, end]);
      emit.dispatch(ratioKernel(), [above, below, state], [parts, index], [1, 1, 1]);
    },
  });
}

function squares(emit: Emitter, source: Tensor, segments: readonly Tensor[]): Tensor {
  const [S, width] = source.shape;
  const partial = emit.temp('gate_partial', [parts]);
  emit.dispatch(squaresKernel(), [source, ...segments, partial], [S * width, width, parts], grid1d(parts, groupSize));
  return partial;
}
