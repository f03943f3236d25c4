import type { Node } from './node';
import type { Dispatch, Recorder } from './recorder';
import type { Tensor } from './tensor';

/** What the forward pass keeps for the backward: all that it reads, all but cheap outputs, or the inputs of blocks. */
export type Checkpointing = 'none' | 'selective' | 'block';

/** Whether a node's outputs are made again for the backward pass. */
export function runsAgain(node: Node, checkpointing: Checkpointing): boolean {
  if (node.block === undefined || checkpointing === 'none') return false;
  return checkpointing === 'block' || node.cheap === true;
}

/**
 * Puts before a recorded `backward` pass of a block what it needs and was not kept: `nodes` of the block once more
 * (Chen et al. 2016, arXiv 1604.06174), those alone whose outputs it reads, directly or through others. The outputs are
 * fresh tensors, so that the first ones end with their last reader of the forward pass. Kernels, and masks drawn from
 * the seed, are those of the forward pass, so the values are too, bit for bit.
 */
export function rerun(recorder: Recorder, nodes: readonly Node[], backward: readonly Dispatch[]): Dispatch[] {
  const wanted = new Set(backward.flatMap(({ bindings }) => bindings.map(({ id }) => id)));
  const again: Node[] = [];
  for (const node of [...nodes].reverse()) {
    if (!node.outputs.some(({ id }) => wanted.has(id))) continue;
    again.unshift(node);
    for (const input of node.inputs) wanted.add(input.id);
  }
  const fresh = new Map<number, Tensor>();
  for (const node of again) for (const output of node.outputs) fresh.set(output.id, recorder.twin(output));
  recorder.phase = 'recompute';
  recorder.wanted = wanted;
  const forward = recorder.aside(() => {
    for (const node of again) {
      recorder.enter(node);
      node.forward(recorder);
    }
  });
  recorder.wanted = undefined;
  const redirected = (tensor: Tensor) => fresh.get(tensor.id) ?? tensor;
  return [...forward, ...backward].map(dispatch => ({ ...dispatch, bindings: dispatch.bindings.map(redirected) }));
}
