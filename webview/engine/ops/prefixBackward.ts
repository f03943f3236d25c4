import type { BackwardEmitter } from '../graph/node';
import type { Tensor } from '../graph/tensor';
import { f32, grid1d, type Kernel } from '../runtime/kernel';
import { innerProduct, lines, list, tileSuffix } from './attentionShape';
import { groupSize, kernelOf } from './kernelSource';
import { dropoutWords, isThinned } from './prefixForward';
import {
  prefixTile,
  seen,
  thinFunctions,
  thinParams,
  thinSuffix,
  type PrefixSite,
  type PrefixTile,
} from './prefixShape';
import { emitColumnSum } from './reduce';

/** Upstream gradient of o, and (L, Σ dO·O) per row and head, both of the attention over tokens and prefix together. */
export interface PrefixUpstream {
  readonly dO: Tensor;
  readonly stats: Tensor;
}

/** Rows of queries that one invocation of the key pass adds up, at least; and the most partial sums. */
const fewestRows = 32;
const mostChunks = 32;

/**
 * Adds the prefix's part to dQ (which the token part must have written before) and computes dK and dV of the prefix. The
 * backward of softmax is a sum over keys, so with L and Σ dO·O of the whole row each part stands alone (Dao et al. 2022).
 */
export function emitPrefixBackward(emit: BackwardEmitter, site: PrefixSite, upstream: PrefixUpstream): void {
  const { q, prefix } = site;
  if (emit.needs(q)) emitQuery(emit, site, upstream);
  if (emit.needs(prefix.k) || emit.needs(prefix.v)) emitKeys(emit, site, upstream);
}

function emitQuery(emit: BackwardEmitter, site: PrefixSite, { dO, stats }: PrefixUpstream): void {
  const { q, prefix, rows, heads, kvHeads, headDim, scale, segmentStart } = site;
  const tile = prefixTile(headDim, isThinned(emit, site));
  const target = emit.into(q).tensor;
  const bindings = [q, prefix.k, prefix.v, dO, stats, target, ...(tile.thinned ? [segmentStart] : [])];
  const sizes = [rows, prefix.k.shape[0], heads, kvHeads, headDim / tile.vector.step, f32(scale)];
  const params = [...sizes, ...dropoutWords(tile, site)];
  emit.dispatch(queryKernel(tile), bindings, params, grid1d(heads * Math.ceil(rows / tile.own), groupSize));
}

/** Sums over chunks of rows first, then over the chunks, so that few prefix rows still keep a GPU busy. */
function emitKeys(emit: BackwardEmitter, site: PrefixSite, { dO, stats }: PrefixUpstream): void {
  const { q, prefix, rows, heads, kvHeads, headDim, scale, segmentStart } = site;
  const [count, width] = prefix.k.shape;
  const tile = prefixTile(headDim, isThinned(emit, site));
  const perChunk = Math.max(fewestRows, Math.ceil(rows / mostChunks));
  const chunks = Math.ceil(rows / perChunk);
  const [dk, dv] = ['dk', 'dv'].map(name => emit.temp(name, [chunks, count * width]));
  const bindings = [q, prefix.k, prefix.v, dO, stats, dk, dv, ...(tile.thinned ? [segmentStart] : [])];
  const sizes = [rows, count, heads, kvHeads, headDim / tile.vector.step, f32(scale), chunks, perChunk];
  const grid = grid1d(chunks * kvHeads * Math.ceil(count / tile.own), groupSize);
  emit.dispatch(keyKernel(tile), bindings, [...sizes, ...dropoutWords(tile, site)], grid);
  const shape = { rows: chunks, stride: count * width, offset: 0, columns: count * width };
  for (const [input, tensor] of [[prefix.k, dk] as const, [prefix.v, dv] as const])
    if (emit.needs(input)) emitColumnSum(emit, { ...shape, tensor }, emit.into(input));
}

const sources = { q: 'array<V>', k: 'array<V>', v: 'array<V>', d_o: 'array<V>', stats: 'array<vec2<f32>>' };
const sizes = { rows: 'u32', prefix: 'u32', heads: 'u32', kv_heads: 'u32', size: 'u32', scale: 'f32' } as const;

const declarations = (tile: PrefixTile) => tile.vector.declarations + innerProduct(tile.vector) + thinFunctions(tile);

function queryKernel(tile: PrefixTile): Kernel {
  return kernelOf(`prefix_dq${thinSuffix(tile)}${tileSuffix(tile)}`, () => ({
    storage: { ...sources, dq: 'array<V>', ...(tile.thinned ? { segment_start: 'array<u32>' } : {}) },
    params: { ...sizes, ...thinParams(tile) },
    declarations: declarations(tile),
    main: queryBody(tile),
    step: tile.thinned,
  }));
}

function queryBody(tile: PrefixTile): string {
  const { own, meet } = tile;
  const key = (b: number, t: number) => seen(tile, `k${t}`, `key${t} + d`, `seed${b}`, 'k');
  const value = (b: number, t: number) => seen(tile, `v${t}`, `key${t} + d`, `seed${b}`, 'v');
  return `  let blocks = (p.rows + ${own - 1}u) / ${own}u;
  let head = i / blocks;
  let first = (i % blocks) * ${own}u;
  if (head >= p.heads) { return; }
  let kv_head = head / (p.heads / p.kv_heads);
${lines(own, b => openQuery(tile, b))}
  for (var j = 0u; j < p.prefix; j += ${meet}u) {
${lines(meet, t => `    let key${t} = (min(j + ${t}u, p.prefix - 1u) * p.kv_heads + kv_head) * p.size;`)}
${lines(own, b => list(meet, t => `    var s${b}_${t} = 0.0; var t${b}_${t} = 0.0;`, ''))}
    for (var d = 0u; d < p.size; d++) {
${lines(own, b => `      let a${b} = q[home${b} + d]; let b${b} = d_o[home${b} + d];`)}
${lines(meet, t => {
  const sums = (b: number) =>
    `      s${b}_${t} += inner(a${b}, ${key(b, t)}); t${b}_${t} += inner(b${b}, ${value(b, t)});`;
  return `      let k${t} = k[key${t} + d]; let v${t} = v[key${t} + d];\n${list(own, sums, '\n')}`;
})}
    }
${lines(own, b =>
  lines(meet, t => {
    const weight = `select(0.0, exp(s${b}_${t} * p.scale - stats${b}.x), j + ${t}u < p.prefix)`;
    return `    let w${b}_${t} = ${weight} * (t${b}_${t} - stats${b}.y) * p.scale;`;
  }),
)}
    for (var d = 0u; d < p.size; d++) {
${lines(own, b => `      var dq${b} = dq[home${b} + d];`)}
${lines(meet, t => `      let k${t} = k[key${t} + d];\n${list(own, b => `      dq${b} += w${b}_${t} * ${key(b, t)};`, '')}`)}
${lines(own, b => `      dq[home${b} + d] = dq${b};`)}
    }
  }`;
}

function openQuery({ thinned }: PrefixTile, b: number): string {
  const seed = thinned ? `\n  let seed${b} = example_seed(segment_start[row${b}]);` : '';
  return `  let row${b} = min(first + ${b}u, p.rows - 1u);${seed}
  let home${b} = (row${b} * p.heads + head) * p.size;
  let stats${b} = stats[row${b} * p.heads + head];`;
}

function keyKernel(tile: PrefixTile): Kernel {
  return kernelOf(`prefix_dkdv${thinSuffix(tile)}${tileSuffix(tile)}`, () => ({
    storage: { ...sources, dk: 'array<V>', dv: 'array<V>', ...(tile.thinned ? { segment_start: 'array<u32>' } : {}) },
    params: { ...sizes, chunks: 'u32', per_chunk: 'u32', ...thinParams(tile) },
    declarations: declarations(tile),
    main: keyBody(tile),
    step: tile.thinned,
  }));
}

/** An invocation owns prefix rows of a key head and goes over the query heads that share it and the rows of a chunk. */
function keyBody(tile: PrefixTile): string {
  const { own, meet } = tile;
  const part = (target: string, from: string, weight: string, side: 'k' | 'v') =>
    `${lines(own, b => `        var ${target}${b} = V();`)}
${lines(meet, t => {
  const term = (b: number) => seen(tile, `${weight}${b}_${t} * ${from}${t}`, `home${b} + d`, `seed${t}`, side);
  return `        let ${from}${t} = ${from}[query${t} + d];\n${list(own, b => `        ${target}${b} += ${term(b)};`, '')}`;
})}
${lines(own, b => `        ${target}${b} = select(${target}[out${b} + d] + ${target}${b}, ${target}${b}, opening);`)}
${lines(own, b => `        ${target}[out${b} + d] = ${target}${b};`)}`;
  return `  let tiles = (p.prefix + ${own - 1}u) / ${own}u;
  let kv_head = (i / tiles) % p.kv_heads;
  let chunk = i / tiles / p.kv_heads;
  if (chunk >= p.chunks) { return; }
  let group_size = p.heads / p.kv_heads;
${lines(
  own,
  b => `  let key${b} = min((i % tiles) * ${own}u + ${b}u, p.prefix - 1u);
  let home${b} = (key${b} * p.kv_heads + kv_head) * p.size;
  let out${b} = chunk * p.prefix * p.kv_heads * p.size + home${b};`,
)}
  let begin = chunk * p.per_chunk;
  let end = min(p.rows, begin + p.per_chunk);
  for (var shared_by = 0u; shared_by < group_size; shared_by++) {
    let head = kv_head * group_size + shared_by;
    for (var j = begin; j < end; j += ${meet}u) {
      let opening = shared_by == 0u && j == begin;
${lines(meet, t => meetQuery(tile, t))}
${pairs(tile)}
      for (var d = 0u; d < p.size; d++) {
${part('dv', 'd_o', 'w', 'v')}
${part('dk', 'q', 'u', 'k')}
      }
    }
  }`;
}

function meetQuery({ thinned }: PrefixTile, t: number): string {
  const seed = thinned ? `\n      let seed${t} = example_seed(segment_start[row${t}]);` : '';
  return `      let row${t} = min(j + ${t}u, p.rows - 1u);${seed}
      let query${t} = (row${t} * p.heads + head) * p.size;
      let stats${t} = stats[row${t} * p.heads + head];`;
}

/** w = softmax weight, u = dL/d(q·k) of every pair of the tile. */
function pairs(tile: PrefixTile): string {
  const { own, meet } = tile;
  const key = (b: number, t: number) => seen(tile, `a${b}`, `home${b} + d`, `seed${t}`, 'k');
  const value = (b: number, t: number) => seen(tile, `b${b}`, `home${b} + d`, `seed${t}`, 'v');
  return `${lines(own, b => list(meet, t => `      var s${b}_${t} = 0.0; var t${b}_${t} = 0.0;`, ''))}
      for (var d = 0u; d < p.size; d++) {
${lines(own, b => `        let a${b} = k[home${b} + d]; let b${b} = v[home${b} + d];`)}
${lines(meet, t => {
  const sums = (b: number) =>
    `        s${b}_${t} += inner(c${t}, ${key(b, t)}); t${b}_${t} += inner(e${t}, ${value(b, t)});`;
  return `        let c${t} = q[query${t} + d]; let e${t} = d_o[query${t} + d];\n${list(own, sums, '\n')}`;
})}
      }
${lines(own, b =>
  lines(meet, t => {
    const pair = `${b}_${t}`;
    return `      let w${pair} = select(0.0, exp(s${pair} * p.scale - stats${t}.x), j + ${t}u < end);
      let u${pair} = w${pair} * (t${pair} - stats${t}.y) * p.scale;`;
  }),
)}`;
}
