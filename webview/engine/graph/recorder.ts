import type { Grid, Kernel, Param, Profile } from '../runtime/kernel';
import type { Emitter } from './node';
import type { Parked } from './park';
import type { DType, Shape, Tensor } from './tensor';

/** `recompute`: a part of the forward pass once more, for the backward pass. */
export type Phase = 'forward' | 'recompute' | 'backward' | 'optimizer';

/** One recorded kernel launch. */
export interface Dispatch {
  readonly kernel: Kernel;
  readonly bindings: readonly Tensor[];
  readonly params: readonly Param[];
  readonly grid: Grid;
  /** Name of the node that emitted it, and its transformer block if it has one. */
  readonly node: string;
  readonly block?: number;
  readonly phase: Phase;
}

/** A straight-line record of one pass. Replaying it in order computes the pass. */
export interface Program {
  readonly dispatches: readonly Dispatch[];
  /** Gradient tensors of trained parameters, by parameter id. Empty for evaluation. */
  readonly gradients: ReadonlyMap<number, Tensor>;
  /** Values that leave the device within the program and come back. */
  readonly parked?: readonly Parked[];
}

/** Ids of tensors made while recording start here, far above any graph's own ids; one range per program. */
export const idRange = 1_000_000;

/** Collects dispatches; shared by model programs and by the optimizer's and importance programs. */
export class Recorder implements Emitter {
  readonly dispatches: Dispatch[] = [];
  node = '';
  block: number | undefined;
  phase: Phase = 'forward';
  training = true;
  /** Ids of the outputs that are wanted while nodes run again; everything is otherwise. */
  wanted: ReadonlySet<number> | undefined;
  private nextId: number;

  constructor(
    readonly profile: Profile,
    firstId = idRange,
  ) {
    this.nextId = firstId;
  }

  dispatch(kernel: Kernel, bindings: readonly Tensor[], params: readonly Param[], grid: Grid): void {
    const { node, block, phase } = this;
    this.dispatches.push({ kernel, bindings, params, grid, node, block, phase });
  }

  /** What is dispatched from here on belongs to this node. */
  enter({ name, block }: { readonly name: string; readonly block?: number }): void {
    this.node = name;
    this.block = block;
  }

  /** Records apart: what `build` dispatches is given back and not part of this record. */
  aside(build: () => void): Dispatch[] {
    const start = this.dispatches.length;
    build();
    return this.dispatches.splice(start);
  }

  wants(output: Tensor): boolean {
    return this.wanted?.has(output.id) ?? true;
  }

  /** Memory of its own for what `tensor` holds. */
  twin(tensor: Tensor): Tensor {
    return { ...tensor, id: this.nextId++ };
  }

  temp(name: string, shape: Shape, dtype: DType = 'f32'): Tensor {
    return this.tensor(name, shape, 'temporary', dtype);
  }

  tensor(name: string, shape: Shape, role: Tensor['role'], dtype: DType = 'f32'): Tensor {
    return { id: this.nextId++, name: `${this.node}.${name}`, shape, dtype, role };
  }
}
