import type { Emitter } from '../graph/node';
import type { Tensor } from '../graph/tensor';
import { f32, grid1d, type Kernel } from '../runtime/kernel';
import { fold, innerProduct, lines, list, lowest, tileSuffix } from './attentionShape';
import { groupSize, kernelOf } from './kernelSource';
import {
  prefixTile,
  seen,
  thinFunctions,
  thinParams,
  thinSuffix,
  type PrefixSite,
  type PrefixTile,
} from './prefixShape';

/**
 * Extends an attention by a prefix: o and L hold the softmax over the tokens, and the running maximum and sum go on over
 * the prefix rows from there, which is exactly the softmax over both (Milakov and Gimelshein 2018). Writes the share of
 * the mass that lies on the prefix, 1 − e^(L before − L after), into `share` [S, heads].
 */
export function emitPrefixForward(emit: Emitter, site: PrefixSite, share: Tensor): void {
  const { q, o, logSum, segmentStart, prefix, rows, heads, kvHeads, headDim, scale } = site;
  const tile = prefixTile(headDim, isThinned(emit, site));
  const bindings = [q, prefix.k, prefix.v, o, logSum, share, ...(tile.thinned ? [segmentStart] : [])];
  const sizes = [rows, prefix.k.shape[0], heads, kvHeads, headDim / tile.vector.step, f32(scale)];
  const params = [...sizes, ...dropoutWords(tile, site)];
  emit.dispatch(prefixForward(tile), bindings, params, grid1d(heads * Math.ceil(rows / tile.own), groupSize));
}

export function isThinned(emit: Emitter, { prefix }: PrefixSite): boolean {
  return emit.training && (prefix.dropout?.rate ?? 0) > 0;
}

export function dropoutWords({ thinned }: PrefixTile, { prefix }: PrefixSite) {
  const { rate, key } = prefix.dropout ?? { rate: 0, key: 0 };
  return thinned ? [f32(rate), f32(1 / (1 - rate)), key >>> 0] : [];
}

function prefixForward(tile: PrefixTile): Kernel {
  return kernelOf(`prefix_attention${thinSuffix(tile)}${tileSuffix(tile)}`, () => ({
    storage: {
      q: 'array<V>',
      k: 'array<V>',
      v: 'array<V>',
      o: 'array<V>',
      log_sum: 'array<f32>',
      share: 'array<f32>',
      ...(tile.thinned ? { segment_start: 'array<u32>' } : {}),
    },
    params: {
      rows: 'u32',
      prefix: 'u32',
      heads: 'u32',
      kv_heads: 'u32',
      size: 'u32',
      scale: 'f32',
      ...thinParams(tile),
    },
    declarations: tile.vector.declarations + innerProduct(tile.vector) + thinFunctions(tile),
    main: body(tile),
    step: tile.thinned,
  }));
}

/** Rows past the end repeat the last one: they read all they need before any of them stores. */
function body(tile: PrefixTile): string {
  const { own, meet } = tile;
  const key = (b: number, t: number) => seen(tile, `k${t}`, `key${t} + d`, `seed${b}`, 'k');
  const value = (b: number, t: number) => seen(tile, `v${t}`, `key${t} + d`, `seed${b}`, 'v');
  return `  let blocks = (p.rows + ${own - 1}u) / ${own}u;
  let head = i / blocks;
  let first = (i % blocks) * ${own}u;
  if (head >= p.heads) { return; }
  let kv_head = head / (p.heads / p.kv_heads);
${lines(own, b => openRow(tile, b))}
  for (var j = 0u; j < p.prefix; j += ${meet}u) {
${lines(meet, t => `    let key${t} = (min(j + ${t}u, p.prefix - 1u) * p.kv_heads + kv_head) * p.size;`)}
${lines(own, b => list(meet, t => `    var s${b}_${t} = 0.0;`, ''))}
    for (var d = 0u; d < p.size; d++) {
${lines(own, b => `      let q${b} = q[home${b} + d];`)}
${lines(meet, t => `      let k${t} = k[key${t} + d];\n${list(own, b => `      s${b}_${t} += inner(q${b}, ${key(b, t)});`, '')}`)}
    }
${lines(own, b => weigh(tile, b))}
    for (var d = 0u; d < p.size; d++) {
${lines(own, b => `      var o${b} = o[home${b} + d] * shrink${b};`)}
${lines(meet, t => `      let v${t} = v[key${t} + d];\n${list(own, b => `      o${b} += s${b}_${t} * ${value(b, t)};`, '')}`)}
${lines(own, b => `      o[home${b} + d] = o${b};`)}
    }
  }
${lines(own, b => `  let inverse${b} = 1.0 / sum${b};`)}
  for (var d = 0u; d < p.size; d++) {
${lines(own, b => `    let o${b} = o[home${b} + d] * inverse${b};`)}
${lines(own, b => `    o[home${b} + d] = o${b};`)}
  }
${lines(own, b => `  log_sum[at${b}] = top${b} + log(sum${b});\n  share[at${b}] = 1.0 - exp(before${b} - top${b} - log(sum${b}));`)}`;
}

function openRow({ thinned }: PrefixTile, b: number): string {
  const seed = thinned ? `\n  let seed${b} = example_seed(segment_start[row${b}]);` : '';
  return `  let row${b} = min(first + ${b}u, p.rows - 1u);${seed}
  let at${b} = row${b} * p.heads + head;
  let home${b} = at${b} * p.size;
  let before${b} = log_sum[at${b}];
  var top${b} = before${b};
  var sum${b} = 1.0;`;
}

function weigh({ meet }: PrefixTile, b: number): string {
  const exists = (t: number) => `j + ${t}u < p.prefix`;
  const masked = Array.from({ length: meet }, (_, t) => `s${b}_${t}`);
  return `${lines(meet, t => `    s${b}_${t} = select(${lowest}, s${b}_${t} * p.scale, ${exists(t)});`)}
    let peak${b} = max(top${b}, ${fold('max', masked)});
    let shrink${b} = exp(top${b} - peak${b});
    top${b} = peak${b};
${lines(meet, t => `    s${b}_${t} = select(0.0, exp(s${b}_${t} - peak${b}), ${exists(t)});`)}
    sum${b} = sum${b} * shrink${b} + (${masked.join(' + ')});`;
}
