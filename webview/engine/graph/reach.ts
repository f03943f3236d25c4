import type { GraphBuilder } from './builder';

/** Ids of the tensors whose gradient some trained parameter depends on: trained parameters and all they flow into. */
export function needsGradient(graph: GraphBuilder): ReadonlySet<number> {
  const needed = new Set<number>();
  for (const parameter of graph.parameters) if (parameter.trainable) needed.add(parameter.tensor.id);
  for (const node of graph.nodes) {
    if (!node.inputs.some(input => needed.has(input.id))) continue;
    for (const output of node.outputs) needed.add(output.id);
  }
  return needed;
}
