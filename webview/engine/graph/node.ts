import type { Grid, Kernel, Param, Profile } from '../runtime/kernel';
import type { DType, Shape, Tensor } from './tensor';

/** Records dispatches. Nothing runs while a node emits: the compiler turns the record into a replayable plan. */
export interface Emitter {
  readonly profile: Profile;
  /** False for evaluation and generation, where dropout lets everything pass. */
  readonly training: boolean;
  /** `bindings` in the order of the kernel's group 0; no tensor twice. `params` in the order of its `Params` struct. */
  dispatch(kernel: Kernel, bindings: readonly Tensor[], params: readonly Param[], grid: Grid): void;
  /** False while a node runs again for its backward pass and nobody reads this output or accumulator a second time. */
  wants(output: Tensor): boolean;
  /** Scratch that lives from its first to its last use; contents are undefined at first. */
  temp(name: string, shape: Shape, dtype?: DType): Tensor;
}

/** Where to write an input's gradient. With `accumulate` the kernel must add to what is there, else overwrite it. */
export interface GradientTarget {
  readonly tensor: Tensor;
  readonly accumulate: boolean;
}

export interface BackwardEmitter extends Emitter {
  /** Whether dL/d`input` is wanted at all; never emit work for one that is not. */
  needs(input: Tensor): boolean;
  /** dL/d`output`, complete. */
  grad(output: Tensor): Tensor;
  /** Asks for the target once per contribution; the first contribution overwrites, later ones accumulate. */
  into(input: Tensor): GradientTarget;
  /** Declares dL/d`input` to receive exactly `gradient` (residual adds): shares the buffer where that is safe. */
  pass(input: Tensor, gradient: Tensor): void;
}

/**
 * One operation of the static graph. An op's module exports a function that checks shapes, creates the outputs and
 * adds a node whose closures emit its kernels.
 */
export interface Node {
  /** Path for people, e.g. `layers.3.self_attn.q_proj`. */
  readonly name: string;
  /** Op kind, e.g. `linear`. */
  readonly kind: string;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  /** Transformer block that the node belongs to; set by the builder, absent outside the blocks. */
  readonly block?: number;
  /** Little work beside a matrix product: selective checkpointing runs the node again instead of keeping its outputs. */
  readonly cheap?: boolean;
  /** The inputs and outputs whose values the backward reads, given which inputs need gradients. */
  saves(needs: (input: Tensor) => boolean): readonly Tensor[];
  forward(emit: Emitter): void;
  /** Absent when nothing can be differentiated through the node (it then must not lie on a path to a trained tensor). */
  backward?(emit: BackwardEmitter): void;
  /** The loss: its backward also computes the forward value, so in training only `backward` is emitted. */
  readonly fusedLoss?: boolean;
}
