import type { Grid, Kernel, Param, Profile } from '../runtime/kernel';
import type { GraphBuilder } from './builder';
import { GradientTable } from './gradients';
import type { BackwardEmitter, Emitter, Node } from './node';
import { needsGradient } from './reach';
import type { DType, Shape, Tensor } from './tensor';

export type Phase = 'forward' | 'backward' | 'optimizer';

/** One recorded kernel launch. */
export interface Dispatch {
  readonly kernel: Kernel;
  readonly bindings: readonly Tensor[];
  readonly params: readonly Param[];
  readonly grid: Grid;
  /** Name of the node that emitted it. */
  readonly node: string;
  readonly phase: Phase;
}

/** A straight-line record of one pass. Replaying it in order computes the pass. */
export interface Program {
  readonly dispatches: readonly Dispatch[];
  /** Gradient tensors of trained parameters, by parameter id. Empty for evaluation. */
  readonly gradients: ReadonlyMap<number, Tensor>;
}

export interface RecordOptions {
  readonly mode: 'train' | 'evaluate';
  readonly profile: Profile;
  /** Gradients that should outlive the program: tests read dL/d`value` of these. */
  readonly watch?: readonly Tensor[];
  /** First id for tensors made while recording; each program of one engine gets its own range. */
  readonly firstId?: number;
}

/** Ids of tensors made while recording start here, far above any graph's own ids; one range per program. */
export const idRange = 1_000_000;

/** Collects dispatches; shared by model programs and by the optimizer's and importance programs. */
export class Recorder implements Emitter {
  readonly dispatches: Dispatch[] = [];
  node = '';
  phase: Phase = 'forward';
  training = true;
  private nextId: number;

  constructor(
    readonly profile: Profile,
    firstId = idRange,
  ) {
    this.nextId = firstId;
  }

  dispatch(kernel: Kernel, bindings: readonly Tensor[], params: readonly Param[], grid: Grid): void {
    this.dispatches.push({ kernel, bindings, params, grid, node: this.node, phase: this.phase });
  }

  temp(name: string, shape: Shape, dtype: DType = 'f32'): Tensor {
    return this.tensor(name, shape, 'temporary', dtype);
  }

  tensor(name: string, shape: Shape, role: Tensor['role'], dtype: DType = 'f32'): Tensor {
    return { id: this.nextId++, name: `${this.node}.${name}`, shape, dtype, role };
  }
}

/**
 * Records a graph: forward in order and, for training, the reverse pass derived from the nodes. Work that no trained
 * tensor needs is never emitted: a frozen base has no dW, and nothing runs below the lowest trained tensor.
 */
export function record(graph: GraphBuilder, options: RecordOptions): Program {
  const recorder = new Recorder(options.profile, options.firstId);
  const training = options.mode === 'train';
  recorder.training = training;
  for (const node of graph.nodes) {
    if (training && node.fusedLoss) continue;
    recorder.node = node.name;
    node.forward(recorder);
  }
  if (!training) return { dispatches: recorder.dispatches, gradients: new Map() };
  const gradients = new GradientTable(recorder, needsGradient(graph));
  recorder.phase = 'backward';
  for (const node of [...graph.nodes].reverse()) backward(node, recorder, gradients);
  for (const tensor of options.watch ?? []) gradients.complete(tensor);
  return { dispatches: recorder.dispatches, gradients: gradients.ofParameters };
}

function backward(node: Node, recorder: Recorder, gradients: GradientTable): void {
  const wanted = node.inputs.some(input => gradients.needs(input));
  const reached = node.fusedLoss === true || node.outputs.some(output => gradients.has(output));
  if (!node.backward || !reached || (!wanted && !node.fusedLoss)) return;
  recorder.node = node.name;
  node.backward(backwardEmitter(recorder, gradients));
  gradients.consumed(node.outputs);
}

function backwardEmitter(recorder: Recorder, gradients: GradientTable): BackwardEmitter {
  return {
    profile: recorder.profile,
    training: recorder.training,
    dispatch: (kernel, bindings, params, grid) => recorder.dispatch(kernel, bindings, params, grid),
    temp: (name, shape, dtype) => recorder.temp(name, shape, dtype),
    needs: input => gradients.needs(input),
    grad: output => gradients.complete(output),
    into: input => gradients.into(input),
    pass: (input, gradient) => gradients.pass(input, gradient),
  };
}
