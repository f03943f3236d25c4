import type { Profile } from '../runtime/kernel';
import type { GraphBuilder } from './builder';
import { GradientTable } from './gradients';
import type { BackwardEmitter, Node } from './node';
import { inputsOfBlocks, pushParked, type Parked, type Stretch } from './park';
import { needsGradient } from './reach';
import { Recorder, type Program } from './recorder';
import { rerun, runsAgain, type Checkpointing } from './rerun';
import type { Tensor } from './tensor';

export interface RecordOptions {
  readonly mode: 'train' | 'evaluate';
  readonly profile: Profile;
  /** Gradients that should outlive the program: tests read dL/d`value` of these. */
  readonly watch?: readonly Tensor[];
  /** What the backward pass finds kept; `none` without it. */
  readonly checkpointing?: Checkpointing;
  /** With checkpointing of blocks: what a block takes in waits on the host for its backward pass. */
  readonly parksInputs?: boolean;
  /** First id for tensors made while recording; each program of one engine gets its own range. */
  readonly firstId?: number;
}

/**
 * Records a graph: forward in order and, for training, the reverse pass derived from the nodes. Work that no trained
 * tensor needs is never emitted: a frozen base has no dW, and nothing runs below the lowest trained tensor.
 */
export function record(graph: GraphBuilder, options: RecordOptions): Program {
  const recorder = new Recorder(options.profile, options.firstId);
  const training = options.mode === 'train';
  recorder.training = training;
  const stretches = byBlock(graph.nodes).map(nodes => forward(nodes, recorder));
  if (!training) return { dispatches: recorder.dispatches, gradients: new Map() };
  const gradients = new GradientTable(recorder, needsGradient(graph));
  const { checkpointing = 'none' } = options;
  const inputs = options.parksInputs ? inputsOfBlocks(stretches) : undefined;
  const parked: Parked[] = [];
  for (const stretch of stretches.reverse()) {
    recorder.phase = 'backward';
    const dispatches = recorder.aside(() => {
      for (const node of [...stretch.nodes].reverse()) backward(node, recorder, gradients);
    });
    const again = stretch.nodes.filter(node => runsAgain(node, checkpointing));
    parked.push(...pushParked(recorder, rerun(recorder, again, dispatches), stretch, inputs?.get(stretch)));
  }
  for (const tensor of options.watch ?? []) gradients.complete(tensor);
  return { dispatches: recorder.dispatches, gradients: gradients.ofParameters, parked };
}

function forward(nodes: readonly Node[], recorder: Recorder): Stretch {
  const start = recorder.dispatches.length;
  for (const node of nodes) {
    if (recorder.training && node.fusedLoss) continue;
    recorder.enter(node);
    node.forward(recorder);
  }
  return { nodes, start };
}

/** Runs of nodes of one block, and of nodes between blocks. */
function byBlock(nodes: readonly Node[]): Node[][] {
  const runs: Node[][] = [];
  for (const node of nodes) {
    const last = runs.at(-1);
    if (last?.[0].block === node.block && last) last.push(node);
    else runs.push([node]);
  }
  return runs;
}

function backward(node: Node, recorder: Recorder, gradients: GradientTable): void {
  const wanted = node.inputs.some(input => gradients.needs(input));
  const reached = node.fusedLoss === true || node.outputs.some(output => gradients.has(output));
  if (!node.backward || !reached || (!wanted && !node.fusedLoss)) return;
  recorder.enter(node);
  node.backward(backwardEmitter(recorder, gradients));
  gradients.consumed(node.outputs);
}

function backwardEmitter(recorder: Recorder, gradients: GradientTable): BackwardEmitter {
  return {
    profile: recorder.profile,
    training: recorder.training,
    dispatch: (kernel, bindings, params, grid) => recorder.dispatch(kernel, bindings, params, grid),
    temp: (name, shape, dtype) => recorder.temp(name, shape, dtype),
    wants: output => recorder.wants(output),
    needs: input => gradients.needs(input),
    grad: output => gradients.complete(output),
    into: input => gradients.into(input),
    pass: (input, gradient) => gradients.pass(input, gradient),
  };
}
