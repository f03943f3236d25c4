import { problem } from '../../../src/common/errors';
import type { GraphBuilder } from '../graph/builder';
import type { BackwardEmitter, Emitter } from '../graph/node';
import type { Tensor } from '../graph/tensor';
import { f32, grid1d } from '../runtime/kernel';
import { attentionKeyGradient, attentionQueryGradient, attentionStats } from './attentionBackward';
import { attentionForward } from './attentionForward';
import { attentionTile, type AttentionShape } from './attentionShape';
import { groupSize } from './kernelSource';

export interface AttentionOptions extends AttentionShape {
  /** [S, heads·headDim]. */
  readonly q: Tensor;
  /** [S, kvHeads·headDim]. */
  readonly k: Tensor;
  readonly v: Tensor;
  /** For each token the first index of its example in the stream, u32 [S]. */
  readonly segmentStart: Tensor;
  /** One past the last, u32 [S]. */
  readonly segmentEnd: Tensor;
  /** Factor on the scores; 1/√headDim by default. */
  readonly scale?: number;
}

interface Site extends AttentionOptions {
  readonly o: Tensor;
  readonly logSum: Tensor;
  readonly rows: number;
  readonly scale: number;
}

/**
 * Causal softmax attention of each token to the tokens of its own example up to itself: [S, heads·headDim].
 * Query head h uses key head ⌊h·kvHeads/heads⌋ (grouped queries, Ainslie et al. 2023) without copying keys. Scores are
 * never stored: the backward rebuilds them from L = log Σ exp (Dao et al. 2022), dQ by query row, dK and dV by key row.
 * Saves q, k, v, o and L [S, heads].
 */
export function attention(g: GraphBuilder, name: string, options: AttentionOptions): Tensor {
  check(name, options);
  const { q, k, v, segmentStart, segmentEnd, heads, headDim } = options;
  const rows = q.shape[0];
  const o = g.value(name, [rows, heads * headDim]);
  const logSum = g.value(`${name}.logsumexp`, [rows, heads]);
  const site: Site = { ...options, o, logSum, rows, scale: options.scale ?? 1 / Math.sqrt(headDim) };
  g.add({
    name,
    kind: 'attention',
    inputs: [q, k, v, segmentStart, segmentEnd],
    outputs: [o, logSum],
    saves: () => [q, k, v, o, logSum, segmentStart, segmentEnd],
    forward: emit => emitForward(emit, site),
    backward: emit => emitBackward(emit, site),
  });
  return o;
}

function check(name: string, { q, k, v, heads, kvHeads, headDim }: AttentionOptions): void {
  const width = kvHeads * headDim;
  const fits = q.shape[1] === heads * headDim && k.shape[1] === width && v.shape[1] === width;
  const groups = heads % kvHeads === 0;
  if (!fits || !groups || new Set([q.id, k.id, v.id]).size < 3)
    throw problem(
      'graph.shape',
      `${name}: ${heads} query and ${kvHeads} key heads of ${headDim} do not fit q [${q.shape.join(', ')}], ` +
        `k [${k.shape.join(', ')}], v [${v.shape.join(', ')}].`,
      'Check num_attention_heads, num_key_value_heads and head_dim in config.json.',
    );
}

function emitForward(emit: Emitter, site: Site): void {
  const { q, k, v, segmentStart, segmentEnd, o, logSum, rows, heads, kvHeads, headDim, scale } = site;
  const tile = attentionTile(headDim, emit.profile, 'forward');
  const grid = grid1d(heads * Math.ceil(rows / tile.own), groupSize);
  const bindings = [q, k, v, segmentStart, segmentEnd, o, logSum];
  const params = [rows, k.shape[0], heads, kvHeads, headDim / tile.vector.step, f32(scale), 1];
  emit.dispatch(attentionForward(tile), bindings, params, grid);
}

function emitBackward(emit: BackwardEmitter, site: Site): void {
  const { q, k, v, o, logSum, rows, heads, kvHeads, headDim, scale } = site;
  const tile = attentionTile(headDim, emit.profile, 'backward');
  const size = headDim / tile.vector.step;
  const blocks = Math.ceil(rows / tile.own);
  const dO = emit.grad(o);
  const stats = emit.temp('stats', [rows, heads, 2]);
  const count = rows * heads;
  emit.dispatch(attentionStats(tile.vector), [o, dO, logSum, stats], [count, size], grid1d(count, groupSize));
  const sizes = [rows, heads, kvHeads, size, f32(scale)];
  if (emit.needs(q)) {
    const dq = emit.into(q);
    const bindings = [q, k, v, dO, stats, site.segmentStart, dq.tensor];
    const grid = grid1d(heads * blocks, groupSize);
    emit.dispatch(attentionQueryGradient(tile), bindings, [...sizes, dq.accumulate ? 1 : 0], grid);
  }
  const dk = emit.needs(k) ? emit.into(k) : undefined;
  const dv = emit.needs(v) ? emit.into(v) : undefined;
  if (!dk && !dv) return;
  const kernel = attentionKeyGradient(tile, { dk: dk !== undefined, dv: dv !== undefined });
  const targets = [dk, dv].flatMap(target => (target ? [target.tensor] : []));
  const bindings = [q, k, v, dO, stats, site.segmentEnd, ...targets];
  const flags = [dk?.accumulate ? 1 : 0, dv?.accumulate ? 1 : 0];
  emit.dispatch(kernel, bindings, [...sizes, ...flags], grid1d(kvHeads * blocks, groupSize));
}
