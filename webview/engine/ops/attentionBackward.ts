import type { Kernel } from '../runtime/kernel';
import {
  foldTile,
  lines,
  list,
  openTile,
  slotRow,
  takeSlot,
  tileDeclarations,
  tileSuffix,
  whereOwned,
  type AttentionTile,
} from './attentionShape';
import { kernelOf, type Vector } from './kernelSource';

/** stats[row, head] = (L, Σ dO·O): what both passes need of a row to rebuild softmax and its gradient. */
export function attentionStats(vector: Vector): Kernel {
  return kernelOf(`attention_stats${vector.suffix}`, () => ({
    storage: { o: 'array<V>', d_o: 'array<V>', log_sum: 'array<f32>', stats: 'array<vec2<f32>>' },
    params: { count: 'u32', size: 'u32' },
    declarations: vector.declarations,
    main: `  if (i >= p.count) { return; }
  var sum = V();
  for (var d = i * p.size; d < (i + 1u) * p.size; d++) { sum += o[d] * d_o[d]; }
  stats[i] = vec2<f32>(log_sum[i], total(sum));`,
  }));
}

/*
 * In both passes a pair is visible when the distance of the tile's row from the first row that is, which wraps around
 * for earlier ones, is below a span. One comparison instead of two joined ones, which would be branches.
 */

/** dQ: an invocation takes `own` query rows of a head over their keys; softmax is rebuilt as exp(score − L). */
export function attentionQueryGradient(tile: AttentionTile): Kernel {
  return kernelOf(`attention_dq${tileSuffix(tile)}`, () => ({
    storage: {
      q: 'array<V>',
      k: 'array<V>',
      v: 'array<V>',
      d_o: 'array<V>',
      stats: 'array<vec2<f32>>',
      segment_start: 'array<u32>',
      dq: 'array<V>',
    },
    params: { rows: 'u32', heads: 'u32', kv_heads: 'u32', size: 'u32', scale: 'f32', accumulate: 'u32' },
    declarations: tileDeclarations(tile),
    quads: tile.shared,
    main: queryBody(tile),
  }));
}

function queryBody(tile: AttentionTile): string {
  const { own, meet } = tile;
  const starts = Array.from({ length: own }, (_, b) => `start${b}`);
  return `${openTile(tile, 'head', 'p.heads')}
  let kv_head = head / (p.heads / p.kv_heads);
${lines(own, openQuery)}
  let begin = ${foldTile(tile, 'min', starts)};
  let end = ${foldTile(tile, 'max', [`min(p.rows, first + ${own}u)`])};
  for (var j = begin; j < end; j += ${meet}u) {
${lines(meet, t => `    let slot${t} = ${slotRow(tile, t)};`)}
${lines(meet, t => `    let key${t} = (min(slot${t}, p.rows - 1u) * p.kv_heads + kv_head) * p.size;`)}
${scores(tile, { ownA: 'q', ownB: 'd_o', meetA: 'k', meetB: 'v', place: 'key' })}
${lines(own, b =>
  lines(meet, t => {
    const visible = `slot${t} - start${b} < span${b}`;
    return `    let w${b}_${t} = select(0.0, exp(s${b}_${t} * p.scale - stats${b}.x), ${visible}) * (t${b}_${t} - stats${b}.y) * p.scale;`;
  }),
)}
    for (var d = 0u; d < p.size; d++) {
${lines(own, b => `      var dq${b} = V();`)}
${lines(meet, t => `      ${takeSlot(tile, { name: 'k', t, load: `k[key${t} + d]` })}\n${list(own, b => `      dq${b} += w${b}_${t} * k${t};`, '')}`)}
${store(tile, 'dq', 'j != begin || p.accumulate != 0u')}
    }
  }`;
}

function openQuery(b: number): string {
  return `  let row${b} = min(first + ${b}u, p.rows - 1u);
  let start${b} = segment_start[row${b}];
  let span${b} = row${b} + 1u - start${b};
  let home${b} = (row${b} * p.heads + head) * p.size;
  let stats${b} = stats[row${b} * p.heads + head];`;
}

/** Which of the two gradients a key pass computes. */
export interface KeyPass {
  readonly dk: boolean;
  readonly dv: boolean;
}

/**
 * dK and dV: an invocation takes `own` key rows of a key head and goes over the query heads that share it and over the
 * rows of the segment from there on, so every sum has one owner and a fixed order.
 */
export function attentionKeyGradient(tile: AttentionTile, pass: KeyPass): Kernel {
  return kernelOf(`attention_${pass.dk ? 'dk' : ''}${pass.dv ? 'dv' : ''}${tileSuffix(tile)}`, () => ({
    storage: {
      q: 'array<V>',
      k: 'array<V>',
      v: 'array<V>',
      d_o: 'array<V>',
      stats: 'array<vec2<f32>>',
      segment_end: 'array<u32>',
      ...(pass.dk ? { dk: 'array<V>' } : {}),
      ...(pass.dv ? { dv: 'array<V>' } : {}),
    },
    params: {
      rows: 'u32',
      heads: 'u32',
      kv_heads: 'u32',
      size: 'u32',
      scale: 'f32',
      add_dk: 'u32',
      add_dv: 'u32',
    },
    declarations: tileDeclarations(tile),
    quads: tile.shared,
    main: keyBody(tile, pass),
  }));
}

function keyBody(tile: AttentionTile, pass: KeyPass): string {
  const { own, meet } = tile;
  const ends = Array.from({ length: own }, (_, b) => `end${b}`);
  return `${openTile(tile, 'kv_head', 'p.kv_heads')}
  let group_size = p.heads / p.kv_heads;
${lines(own, openKey)}
  let begin = ${foldTile(tile, 'min', ['first'])};
  let end = ${foldTile(tile, 'max', ends)};
  for (var shared_by = 0u; shared_by < group_size; shared_by++) {
    let head = kv_head * group_size + shared_by;
    for (var j = begin; j < end; j += ${meet}u) {
      let opening = shared_by == 0u && j == begin;
${lines(meet, t => meetQuery(tile, t))}
${scores(tile, { ownA: 'k', ownB: 'v', meetA: 'q', meetB: 'd_o', place: 'query' })}
${lines(own, b => lines(meet, t => pairWeights(b, t)))}
      for (var d = 0u; d < p.size; d++) {
${pass.dv ? keySum(tile, { target: 'dv', from: 'd_o', weight: 'w' }) : ''}
${pass.dk ? keySum(tile, { target: 'dk', from: 'q', weight: 'u' }) : ''}
      }
    }
  }`;
}

function openKey(b: number): string {
  return `  let row${b} = min(first + ${b}u, p.rows - 1u);
  let end${b} = segment_end[row${b}];
  let span${b} = end${b} - row${b};
  let home${b} = (row${b} * p.kv_heads + kv_head) * p.size;`;
}

function meetQuery(tile: AttentionTile, t: number): string {
  return `      let slot${t} = ${slotRow(tile, t)};
      let at${t} = min(slot${t}, p.rows - 1u) * p.heads + head;
      let query${t} = at${t} * p.size;
      ${takeSlot(tile, { name: 'stats', t, load: `stats[at${t}]` })}`;
}

/** w = softmax weight, u = dL/d(q·k). */
function pairWeights(b: number, t: number): string {
  const pair = `${b}_${t}`;
  const visible = `slot${t} - row${b} < span${b}`;
  return `      let w${pair} = select(0.0, exp(s${pair} * p.scale - stats${t}.x), ${visible});
      let u${pair} = w${pair} * (t${pair} - stats${t}.y) * p.scale;`;
}

function keySum(tile: AttentionTile, sum: { target: string; from: string; weight: string }): string {
  const { own, meet } = tile;
  const { target, from, weight } = sum;
  const take = (t: number) => takeSlot(tile, { name: `${target}_from`, t, load: `${from}[query${t} + d]` });
  const add = (t: number) => list(own, b => `        ${target}${b} += ${weight}${b}_${t} * ${target}_from${t};`, '\n');
  return `${lines(own, b => `        var ${target}${b} = V();`)}
${lines(meet, t => `        ${take(t)}\n${add(t)}`)}
${store(tile, target, `!opening || p.add_${target} != 0u`)}`;
}

interface Sides {
  readonly ownA: string;
  readonly ownB: string;
  readonly meetA: string;
  readonly meetB: string;
  /** Prefix of the tile rows' addresses. */
  readonly place: string;
}

/** s = ownA·meetA and t = ownB·meetB for every pair of the tile. */
function scores(tile: AttentionTile, { ownA, ownB, meetA, meetB, place }: Sides): string {
  const { own, meet } = tile;
  const take = (name: string, from: string, t: number) =>
    takeSlot(tile, { name, t, load: `${from}[${place}${t} + d]` });
  return `${lines(own, b => list(meet, t => `    var s${b}_${t} = 0.0; var t${b}_${t} = 0.0;`, ''))}
    for (var d = 0u; d < p.size; d++) {
${lines(own, b => `      let a${b} = ${ownA}[home${b} + d]; let b${b} = ${ownB}[home${b} + d];`)}
${lines(meet, t => {
  const sums = list(own, b => `      s${b}_${t} += inner(a${b}, c${t}); t${b}_${t} += inner(b${b}, e${t});`, '\n');
  return `      ${take('c', meetA, t)} ${take('e', meetB, t)}\n${sums}`;
})}
    }`;
}

/**
 * Adds this tile's share to the rows of `target` where `adds` holds, else overwrites. All old values are read before
 * any is written, because rows past the end repeat the last one.
 */
function store(tile: AttentionTile, target: string, adds: string): string {
  const { own } = tile;
  return `${lines(own, b => `      ${target}${b} = select(${target}${b}, ${target}[home${b} + d] + ${target}${b}, ${adds});`)}
${whereOwned(
  tile,
  lines(own, b => `      ${target}[home${b} + d] = ${target}${b};`),
)}`;
}
