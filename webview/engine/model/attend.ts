import type { Tensor } from '../graph/tensor';
import { attention } from '../ops/attention';
import { cachedAttention, type BlockCache } from '../ops/cachedAttention';
import type { ModelContext } from './context';

/** Queries, keys and values of one block, positions already in them. */
export interface Attended {
  readonly block: number;
  /** [S, heads·headDim]. */
  readonly q: Tensor;
  /** [S, kvHeads·headDim]. */
  readonly k: Tensor;
  readonly v: Tensor;
}

/** Attention of a block, [S, heads·headDim]: to the tokens of the stream, or to those in the cache. */
export function attend(context: ModelContext, name: string, { block, q, k, v }: Attended): Tensor {
  const { graph, config, inputs, cached } = context;
  const { heads, kvHeads, headDim } = config;
  const { segmentStart, segmentEnd } = inputs;
  const shared = { q, k, v, segmentStart, segmentEnd, heads, kvHeads, headDim };
  if (!cached) return attention(graph, name, shared);
  const cache = blockCache(context, block, cached.rows);
  return cachedAttention(graph, name, { ...shared, cache, cacheRows: cached.cacheRows });
}

/** Keys and values of one block for a text of up to `rows` tokens, and the spare row. */
export function blockCache(
  { graph, config }: Pick<ModelContext, 'graph' | 'config'>,
  block: number,
  rows: number,
): BlockCache {
  const shape = [rows + 1, config.kvHeads * config.headDim];
  return { k: graph.cache(`cache.${block}.k`, shape), v: graph.cache(`cache.${block}.v`, shape) };
}
