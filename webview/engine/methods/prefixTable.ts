import type { GraphBuilder } from '../graph/builder';
import type { Tensor } from '../graph/tensor';
import { streamOf } from '../data/random';
import type { ModelConfig } from '../model/config';
import { tanh } from '../ops/activation';
import { linear } from '../ops/linear';
import type { PrefixRows } from '../ops/prefixShape';
import { split } from '../ops/split';
import { denseRows } from './dense';
import type { TensorValues } from './method';

/** How a prefix is made. */
export interface PrefixShape {
  readonly model: ModelConfig;
  /** Virtual tokens P. */
  readonly count: number;
  /** Hidden size of the network that makes it; without one the table itself is the parameter. */
  readonly hidden?: number;
  readonly dropout: number;
  /** False for an adapter that is only used. */
  readonly trainable: boolean;
}

/** Names as PEFT's `PrefixEncoder` has them below `prompt_encoder`. */
export const prefixNames = {
  embedding: 'prompt_encoder.embedding.weight',
  inner: 'prompt_encoder.transform.0',
  outer: 'prompt_encoder.transform.2',
} as const;

/** Width of a block's keys, and of the whole table. */
export function prefixWidths({ layers, kvHeads, headDim }: ModelConfig): {
  readonly keys: number;
  readonly table: number;
} {
  return { keys: kvHeads * headDim, table: 2 * layers * kvHeads * headDim };
}

/**
 * Keys and values of every block: the table [P, 2·blocks·width], or embedding → linear → tanh → linear (PEFT
 * `tuners/prefix_tuning/model.py`, Li and Liang `gpt2/train_control.py`), cut into [P, width] pieces, keys first.
 */
export function prefixRows(graph: GraphBuilder, shape: PrefixShape): PrefixRows[] {
  const { keys } = prefixWidths(shape.model);
  const table = prefixTable(graph, shape);
  const pieces = split(graph, 'prompt_encoder.blocks', table, new Array<number>(2 * shape.model.layers).fill(keys));
  return Array.from({ length: shape.model.layers }, (_, block) => ({
    k: pieces[2 * block],
    v: pieces[2 * block + 1],
    dropout: { rate: shape.dropout, key: streamOf(`prefix dropout ${block}`) },
  }));
}

function prefixTable(graph: GraphBuilder, { model, count, hidden, trainable }: PrefixShape): Tensor {
  const { keys, table } = prefixWidths(model);
  const own = (name: string, size: readonly number[]) =>
    graph.parameter(name, size, { category: 'adapter', trainable, decay: !name.endsWith('bias') });
  if (hidden === undefined) return own(prefixNames.embedding, [count, table]);
  const dense = (name: string, x: Tensor, outer: number): Tensor => {
    const weight = own(`${name}.weight`, [outer, x.shape[1]]);
    return linear(graph, name, x, { weight, bias: own(`${name}.bias`, [outer]), layout: 'oi' });
  };
  const inner = dense(prefixNames.inner, own(prefixNames.embedding, [count, keys]), hidden);
  return dense(prefixNames.outer, tanh(graph, 'prompt_encoder.transform.1', inner), table);
}

/** The table that a trained prefix comes to, [P, 2·blocks·width], on the host. */
export function prefixValues(
  { count, hidden }: Pick<PrefixShape, 'count' | 'hidden'>,
  values: TensorValues,
): Float32Array {
  const get = (name: string) => values.get(name) ?? new Float32Array(0);
  const embedding = get(prefixNames.embedding);
  if (hidden === undefined) return embedding;
  const dense = (name: string) => ({ weight: get(`${name}.weight`), bias: get(`${name}.bias`) });
  return denseRows(denseRows(embedding, count, dense(prefixNames.inner), Math.tanh), count, dense(prefixNames.outer));
}
