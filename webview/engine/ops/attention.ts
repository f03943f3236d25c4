import { problem } from '../../../src/common/errors';
import type { GraphBuilder } from '../graph/builder';
import type { BackwardEmitter, Emitter } from '../graph/node';
import type { Tensor } from '../graph/tensor';
import { f32, grid1d } from '../runtime/kernel';
import { attentionKeyGradient, attentionQueryGradient, attentionStats } from './attentionBackward';
import { attentionForward } from './attentionForward';
import { attentionTile, tileInvocations, type AttentionShape } from './attentionShape';
import { emitPromptShare, emitShareSum, type ShareWatch } from './attentionShare';
import { groupSize } from './kernelSource';
import { emitPrefixBackward } from './prefixBackward';
import { emitPrefixForward } from './prefixForward';
import type { PrefixRows } from './prefixShape';

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
  /** Keys and values that every token sees besides. */
  readonly prefix?: PrefixRows;
  readonly watch?: ShareWatch;
}

interface Site extends AttentionOptions {
  readonly o: Tensor;
  readonly logSum: Tensor;
  readonly rows: number;
  readonly scale: number;
}

/**
 * Causal softmax attention of each token to the tokens of its own example up to itself, and to the whole of a prefix:
 * [S, heads·headDim].
 * Query head h uses key head ⌊h·kvHeads/heads⌋ (grouped queries, Ainslie et al. 2023) without copying keys. Scores are
 * never stored: the backward rebuilds them from L = log Σ exp (Dao et al. 2022), dQ by query row, dK and dV by key row.
 * Saves q, k, v, o and L [S, heads].
 */
export function attention(g: GraphBuilder, name: string, options: AttentionOptions): Tensor {
  check(name, options);
  const { q, k, v, segmentStart, segmentEnd, heads, headDim, prefix } = options;
  const rows = q.shape[0];
  const o = g.value(name, [rows, heads * headDim]);
  const logSum = g.value(`${name}.logsumexp`, [rows, heads]);
  const site: Site = { ...options, o, logSum, rows, scale: options.scale ?? 1 / Math.sqrt(headDim) };
  const prefixed = prefix ? [prefix.k, prefix.v] : [];
  g.add({
    name,
    kind: 'attention',
    inputs: [q, k, v, segmentStart, segmentEnd, ...prefixed],
    outputs: [o, logSum],
    saves: () => [q, k, v, o, logSum, segmentStart, segmentEnd, ...prefixed],
    forward: emit => emitForward(emit, site),
    backward: emit => emitBackward(emit, site),
  });
  return o;
}

function check(name: string, { q, k, v, heads, kvHeads, headDim, prefix }: AttentionOptions): void {
  const width = kvHeads * headDim;
  const wide = [k, v, ...(prefix ? [prefix.k, prefix.v] : [])];
  const fits = q.shape[1] === heads * headDim && wide.every(tensor => tensor.shape[1] === width);
  const groups = heads % kvHeads === 0;
  const paired = prefix?.k.shape[0] === prefix?.v.shape[0];
  if (!fits || !groups || !paired || new Set([q, ...wide].map(({ id }) => id)).size < 1 + wide.length)
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
  const grid = grid1d(tileInvocations(tile, heads, rows), groupSize);
  const bindings = [q, k, v, segmentStart, segmentEnd, o, logSum];
  const params = [rows, k.shape[0], heads, kvHeads, headDim / tile.vector.step, f32(scale), 1];
  emit.dispatch(attentionForward(tile), bindings, params, grid);
  if (site.prefix || watched(emit, site)) emitVirtual(emit, site);
}

/** Shares are measured in training, once. */
function watched(emit: Emitter, { watch }: Site): ShareWatch | undefined {
  return watch && emit.training && emit.wants(watch.into) ? watch : undefined;
}

/** The prefix's part, and what share of the mass lies on virtual tokens. */
function emitVirtual(emit: Emitter, site: Site): void {
  const { prefix, rows, heads } = site;
  const share = emit.temp('share', [rows, heads]);
  if (prefix) emitPrefixForward(emit, { ...site, prefix }, share);
  const watch = watched(emit, site);
  if (!watch) return;
  if (watch.place === 'input') emitPromptShare(emit, site, watch, share);
  emitShareSum(emit, share, watch);
}

function emitBackward(emit: BackwardEmitter, site: Site): void {
  const { q, k, v, o, logSum, rows, heads, kvHeads, headDim, scale } = site;
  const tile = attentionTile(headDim, emit.profile, 'backward');
  const size = headDim / tile.vector.step;
  const dO = emit.grad(o);
  const stats = emit.temp('stats', [rows, heads, 2]);
  const count = rows * heads;
  emit.dispatch(attentionStats(tile.vector), [o, dO, logSum, stats], [count, size], grid1d(count, groupSize));
  const sizes = [rows, heads, kvHeads, size, f32(scale)];
  if (emit.needs(q)) {
    const dq = emit.into(q);
    const bindings = [q, k, v, dO, stats, site.segmentStart, dq.tensor];
    const grid = grid1d(tileInvocations(tile, heads, rows), groupSize);
    emit.dispatch(attentionQueryGradient(tile), bindings, [...sizes, dq.accumulate ? 1 : 0], grid);
  }
  if (site.prefix) emitPrefixBackward(emit, { ...site, prefix: site.prefix }, { dO, stats });
  const dk = emit.needs(k) ? emit.into(k) : undefined;
  const dv = emit.needs(v) ? emit.into(v) : undefined;
  if (!dk && !dv) return;
  const kernel = attentionKeyGradient(tile, { dk: dk !== undefined, dv: dv !== undefined });
  const targets = [dk, dv].flatMap(target => (target ? [target.tensor] : []));
  const bindings = [q, k, v, dO, stats, site.segmentEnd, ...targets];
  const flags = [dk?.accumulate ? 1 : 0, dv?.accumulate ? 1 : 0];
  emit.dispatch(kernel, bindings, [...sizes, ...flags], grid1d(tileInvocations(tile, kvHeads, rows), groupSize));
}
