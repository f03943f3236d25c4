import type { Tensor } from '../graph/tensor';
import { attention } from '../ops/attention';
import { cachedAttention, type BlockCache } from '../ops/cachedAttention';
import { shareState, type ShareWatch } from '../ops/attentionShare';
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
  if (!cached) {
    const prefix = context.method.prefix?.(graph, block);
    return attention(graph, name, { ...shared, prefix, watch: watchOf(context, block) });
  }
  const cache = blockCache(context, block, cached.rows);
  return cachedAttention(graph, name, { ...shared, cache, cacheRows: cached.cacheRows });
}

/** Asks for the share of attention on the method's virtual tokens, where it has some and wants to know. */
function watchOf({ graph, config, method, inputs }: ModelContext, block: number): ShareWatch | undefined {
  const { virtualTokens: virtual } = method;
  if (!virtual?.watched) return undefined;
  return {
    into: shareState((name, shape) => graph.methodState(name, shape), config),
    at: block * (config.heads + 1),
    positions: inputs.positions,
    virtual: virtual.count,
    place: virtual.place,
  };
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
