import type { Node } from './node';
import type { Dispatch, Recorder } from './recorder';
import type { Tensor } from './tensor';

/** A value that waits on the host between the forward pass of a block and its backward pass. */
export interface Parked {
  /** For people, e.g. `block 3`. */
  readonly what: string;
  /** The value of the forward pass: complete before dispatch `out`, read by the forward pass alone. */
  readonly tensor: Tensor;
  readonly out: number;
  /** The same value for the backward pass: filled before dispatch `back`, its first reader. */
  readonly copy: Tensor;
  readonly back: number;
}

/** A stretch of nodes of one block; its forward pass begins with dispatch `start`. */
export interface Stretch {
  readonly nodes: readonly Node[];
  readonly start: number;
}

/**
 * What each block takes from before it and shares with nobody: the residual stream that goes in, and with prefix-tuning
 * its rows. Under checkpointing this is what stays of a block (DeepSpeed's `cpu_checkpointing` moves the same). None for
 * the last block: its backward pass comes next after the forward pass, and would only wait.
 */
export function inputsOfBlocks(stretches: readonly Stretch[]): ReadonlyMap<Stretch, readonly Tensor[]> {
  const readers = new Map<number, Set<Stretch>>();
  for (const stretch of stretches)
    for (const { inputs } of stretch.nodes)
      for (const { id } of inputs) readers.set(id, (readers.get(id) ?? new Set()).add(stretch));
  const blocks = stretches.filter(({ nodes }) => nodes[0].block !== undefined).slice(0, -1);
  return new Map(blocks.map(stretch => [stretch, inputsOf(stretch).filter(({ id }) => readers.get(id)?.size === 1)]));
}

/** Values that the nodes read and none of them makes. */
function inputsOf({ nodes }: Stretch): Tensor[] {
  const made = new Set(nodes.flatMap(({ outputs }) => outputs.map(({ id }) => id)));
  const inputs = new Map(nodes.flatMap(node => node.inputs.map(input => [input.id, input] as const)));
  return [...inputs.values()].filter(({ id, role }) => role === 'value' && !made.has(id));
}

/**
 * Records the backward pass of a block, `dispatches`, with `inputs` of the block replaced by copies that come from the
 * host. Inputs that it does not read are left alone.
 */
export function pushParked(
  recorder: Recorder,
  dispatches: readonly Dispatch[],
  { nodes, start }: Stretch,
  inputs: readonly Tensor[] = [],
): Parked[] {
  const base = recorder.dispatches.length;
  const copies = new Map<number, Tensor>();
  const parked: Parked[] = [];
  for (const tensor of inputs) {
    const first = dispatches.findIndex(({ bindings }) => bindings.some(({ id }) => id === tensor.id));
    if (first < 0) continue;
    const copy = recorder.twin(tensor);
    copies.set(tensor.id, copy);
    parked.push({ what: `block ${nodes[0].block}`, tensor, copy, out: start, back: base + first });
  }
  const redirected = (tensor: Tensor) => copies.get(tensor.id) ?? tensor;
  recorder.dispatches.push(...dispatches.map(one => ({ ...one, bindings: one.bindings.map(redirected) })));
  return parked;
}
