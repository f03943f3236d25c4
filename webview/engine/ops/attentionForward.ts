import type { Kernel } from '../runtime/kernel';
import {
  fold,
  foldTile,
  lines,
  list,
  lowest,
  openTile,
  slotRow,
  takeSlot,
  tileDeclarations,
  tileSuffix,
  whereOwned,
  type AttentionTile,
} from './attentionShape';
import { kernelOf } from './kernelSource';

/**
 * An invocation computes `own` consecutive query rows of one head in one pass over their keys, with a running maximum
 * and sum (online softmax, Milakov and Gimelshein 2018); o itself holds the running numerator.
 *
 * Writes o and L = log Σ exp(score) per row and head. A row sees keys from its segment's start up to itself
 * (`causal` 1) or up to `segment_end` (`causal` 0: queries against a cache). Rows past the end of an invocation's own
 * repeat its last one and store the same values, which spares every store a test.
 */
export function attentionForward(tile: AttentionTile): Kernel {
  return kernelOf(`attention${tileSuffix(tile)}`, () => ({
    storage: {
      q: 'array<V>',
      k: 'array<V>',
      v: 'array<V>',
      segment_start: 'array<u32>',
      segment_end: 'array<u32>',
      o: 'array<V>',
      log_sum: 'array<f32>',
    },
    params: {
      rows: 'u32',
      keys: 'u32',
      heads: 'u32',
      kv_heads: 'u32',
      size: 'u32',
      scale: 'f32',
      causal: 'u32',
    },
    declarations: tileDeclarations(tile),
    quads: tile.shared,
    main: body(tile),
  }));
}

function body(tile: AttentionTile): string {
  const { own, meet } = tile;
  const names = (prefix: string) => Array.from({ length: own }, (_, b) => `${prefix}${b}`);
  return `${openTile(tile, 'head', 'p.heads')}
  let kv_head = head / (p.heads / p.kv_heads);
${lines(own, openRow)}
  let begin = ${foldTile(tile, 'min', names('start'))};
  let end = ${foldTile(tile, 'max', names('end'))};
  for (var j = begin; j < end; j += ${meet}u) {
${lines(meet, t => `    let slot${t} = ${slotRow(tile, t)};`)}
${lines(meet, t => `    let key${t} = (min(slot${t}, p.keys - 1u) * p.kv_heads + kv_head) * p.size;`)}
${lines(own, b => list(meet, t => `    var s${b}_${t} = 0.0;`, ''))}
    for (var d = 0u; d < p.size; d++) {
${lines(own, b => `      let q${b} = q[home${b} + d];`)}
${lines(meet, t => `      ${met(tile, 'k', t)}\n${list(own, b => `      s${b}_${t} += inner(q${b}, k${t});`, '')}`)}
    }
${lines(own, b => weigh(tile, b))}
    for (var d = 0u; d < p.size; d++) {
${lines(own, b => `      var o${b} = select(o[home${b} + d] * shrink${b}, V(), j == begin);`)}
${lines(meet, t => `      ${met(tile, 'v', t)}\n${list(own, b => `      o${b} += s${b}_${t} * v${t};`, '')}`)}
${whereOwned(
  tile,
  lines(own, b => `      o[home${b} + d] = o${b};`),
)}
    }
  }
${lines(own, b => `  let inverse${b} = 1.0 / sum${b};`)}
${whereOwned(
  tile,
  `  for (var d = 0u; d < p.size; d++) {
${lines(own, b => `    let o${b} = o[home${b} + d] * inverse${b};`)}
${lines(own, b => `    o[home${b} + d] = o${b};`)}
  }
${lines(own, b => `  log_sum[row${b} * p.heads + head] = top${b} + log(sum${b});`)}`,
)}`;
}

function met(tile: AttentionTile, name: 'k' | 'v', t: number): string {
  return takeSlot(tile, { name, t, load: `${name}[key${t} + d]` });
}

function openRow(b: number): string {
  return `  let row${b} = min(first + ${b}u, p.rows - 1u);
  let start${b} = segment_start[row${b}];
  let end${b} = select(segment_end[row${b}], row${b} + 1u, p.causal != 0u);
  let span${b} = end${b} - start${b};
  let home${b} = (row${b} * p.heads + head) * p.size;
  var top${b} = ${lowest};
  var sum${b} = 0.0;`;
}

/**
 * Turns the row's scores of this tile into weights relative to the new running maximum. A key is visible when its
 * distance from the row's first key, which wraps around for earlier ones, is below the row's span.
 */
function weigh({ meet }: AttentionTile, b: number): string {
  const visible = (t: number) => `slot${t} - start${b} < span${b}`;
  const masked = Array.from({ length: meet }, (_, t) => `s${b}_${t}`);
  return `${lines(meet, t => `    s${b}_${t} = select(${lowest}, s${b}_${t} * p.scale, ${visible(t)});`)}
    let peak${b} = max(top${b}, ${fold('max', masked)});
    let shrink${b} = exp(top${b} - peak${b});
    top${b} = peak${b};
${lines(meet, t => `    s${b}_${t} = select(0.0, exp(s${b}_${t} - peak${b}), ${visible(t)});`)}
    sum${b} = sum${b} * shrink${b} + (${masked.join(' + ')});`;
}
