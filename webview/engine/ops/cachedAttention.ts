import { problem } from '../../../src/common/errors';
import type { GraphBuilder } from '../graph/builder';
import type { Emitter } from '../graph/node';
import type { Tensor } from '../graph/tensor';
import { f32, grid1d, type Kernel } from '../runtime/kernel';
import { copyInto } from './accumulate';
import { attentionForward } from './attentionForward';
import { attentionTile, tileInvocations, type AttentionShape } from './attentionShape';
import { emitDecodeAttention } from './decodeAttention';
import { groupSize, kernelOf, vectorFor, type Vector } from './kernelSource';

/** Keys and values of one block: [rows + 1, kvHeads·headDim] each. The last row takes what belongs to no token. */
export interface BlockCache {
  readonly k: Tensor;
  readonly v: Tensor;
}

export interface CachedAttentionOptions extends AttentionShape {
  /** [S, heads·headDim] of the new tokens. */
  readonly q: Tensor;
  /** [S, kvHeads·headDim], rotated. */
  readonly k: Tensor;
  readonly v: Tensor;
  readonly cache: BlockCache;
  /** Row of the cache that each new token fills, u32 [S]. */
  readonly cacheRows: Tensor;
  /** First row that each token sees, and one past the last, u32 [S]. */
  readonly segmentStart: Tensor;
  readonly segmentEnd: Tensor;
}

function putRowsKernel(vector: Vector): Kernel {
  return kernelOf(`put_rows${vector.suffix}`, () => ({
    storage: { source: 'array<V>', rows: 'array<u32>', target_: 'array<V>' },
    params: { count: 'u32', columns: 'u32' },
    declarations: vector.declarations,
    main: `  if (i >= p.count) { return; }
  target_[rows[i / p.columns] * p.columns + i % p.columns] = source[i];`,
  }));
}

/** target[rows[i]] = source[i] for each row of `source` [S, w]; rows named twice keep one of the two. */
export function emitPutRows(emit: Emitter, source: Tensor, rows: Tensor, target: Tensor): void {
  const [count, width] = source.shape;
  const vector = vectorFor(width);
  const columns = width / vector.step;
  emit.dispatch(
    putRowsKernel(vector),
    [source, rows, target],
    [count * columns, columns],
    grid1d(count * columns, groupSize),
  );
}

/**
 * Attention of new tokens to all that came before them: writes their keys and values into the cache, then attends to
 * the cache, [S, heads·headDim]. Queries, softmax and head grouping are those of `attention`; there is no gradient.
 */
export function cachedAttention(g: GraphBuilder, name: string, options: CachedAttentionOptions): Tensor {
  const { q, k, v, cache, cacheRows, segmentStart, segmentEnd, heads, kvHeads, headDim } = options;
  const [S] = q.shape;
  const width = kvHeads * headDim;
  const fits = [k, v, cache.k, cache.v].every(tensor => tensor.shape[1] === width) && q.shape[1] === heads * headDim;
  if (!fits || cacheRows.shape[0] !== S || heads % kvHeads !== 0)
    throw problem(
      'graph.shape',
      `${name}: ${heads} query and ${kvHeads} key heads of ${headDim} do not fit q [${q.shape.join(', ')}] and a cache ` +
        `[${cache.k.shape.join(', ')}].`,
      'Check num_attention_heads, num_key_value_heads and head_dim in config.json.',
    );
  const o = g.value(name, [S, heads * headDim]);
  g.add({
    name,
    kind: 'cachedAttention',
    inputs: [q, k, v, cacheRows, segmentStart, segmentEnd],
    outputs: [o],
    saves: () => [],
    forward: emit => {
      emitPutRows(emit, k, cacheRows, cache.k);
      emitPutRows(emit, v, cacheRows, cache.v);
      if (S === 1) emitDecodeAttention(emit, { ...options, o });
      else emitPrefillAttention(emit, { ...options, o });
    },
  });
  return o;
}

/** Many rows are parallel work enough: each walks its keys. */
function emitPrefillAttention(emit: Emitter, site: CachedAttentionOptions & { readonly o: Tensor }): void {
  const { q, cache, segmentStart, segmentEnd, o, heads, kvHeads, headDim } = site;
  const S = q.shape[0];
  const tile = attentionTile(headDim, emit.profile, 'forward');
  const logSum = emit.temp('logsumexp', [S, heads]);
  const bindings = [q, cache.k, cache.v, segmentStart, segmentEnd, o, logSum];
  const rows = cache.k.shape[0] - 1;
  const params = [S, rows, heads, kvHeads, headDim / tile.vector.step, f32(1 / Math.sqrt(headDim)), 0];
  emit.dispatch(attentionForward(tile), bindings, params, grid1d(tileInvocations(tile, heads, S), groupSize));
}

/** Puts keys and values [P, kvHeads·headDim] into the first rows of a cache. */
export function preloadCache(g: GraphBuilder, name: string, rows: BlockCache, cache: BlockCache): void {
  const first = (tensor: Tensor, from: Tensor): Tensor => ({ ...tensor, shape: from.shape });
  g.add({
    name,
    kind: 'preloadCache',
    inputs: [rows.k, rows.v],
    outputs: [],
    saves: () => [],
    forward: emit => {
      copyInto(emit, first(cache.k, rows.k), rows.k);
      copyInto(emit, first(cache.v, rows.v), rows.v);
    },
  });
}
