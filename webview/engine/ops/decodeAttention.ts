import type { Emitter } from '../graph/node';
import type { Tensor } from '../graph/tensor';
import { f32, grid1d, type Kernel } from '../runtime/kernel';
import { fold, innerProduct, lines, list, lowest, type AttentionShape } from './attentionShape';
import { groupSize, kernelOf, vectorFor, type Vector } from './kernelSource';

export interface DecodeSite extends AttentionShape {
  /** [1, heads·headDim]: the new token's. */
  readonly q: Tensor;
  /** [rows + 1, kvHeads·headDim] each; the last row is nobody's. */
  readonly cache: { readonly k: Tensor; readonly v: Tensor };
  /** First row that the token sees, and one past the last, u32 [1]. */
  readonly segmentStart: Tensor;
  readonly segmentEnd: Tensor;
  /** [1, heads·headDim]. */
  readonly o: Tensor;
}

/** Keys whose scores an invocation holds at once; a part has a multiple of them. */
const meet = 8;
/** Fewest keys of a part: shorter ones would cost more to join than to walk. */
const leastSpan = 2 * meet;
/** Parts at most, so that a long cache asks for little scratch and the second pass stays short. */
const mostParts = 64;

/**
 * Attention of one token to the cache, split over the keys: one row gives no parallel work but its keys, and walking
 * them one after another would make a token the slower the longer the text. The first pass takes a part of the keys
 * per invocation and leaves the part's maximum, sum and weighted values; the second one joins the parts (Dao et al.,
 * Flash-Decoding, 2023). Parts past the text's end do nothing.
 */
export function emitDecodeAttention(emit: Emitter, site: DecodeSite): void {
  const { q, cache, segmentStart, segmentEnd, o, heads, kvHeads, headDim } = site;
  const vector = vectorFor(headDim);
  const size = headDim / vector.step;
  const rows = cache.k.shape[0] - 1;
  const span = Math.max(leastSpan, meet * Math.ceil(rows / (meet * mostParts)));
  const parts = Math.ceil(rows / span);
  // Loads are most of the cost, so two query heads share those of their key head where they have the same.
  const own = (heads / kvHeads) % 2 === 0 ? 2 : 1;
  const sums = emit.temp('parts', [parts, heads, headDim]);
  const stats = emit.temp('stats', [parts, heads, 2]);
  const params = [parts, span, heads, kvHeads, size, f32(1 / Math.sqrt(headDim))];
  const bindings = [q, cache.k, cache.v, segmentStart, segmentEnd, sums, stats];
  emit.dispatch(partsKernel(vector, own), bindings, params, grid1d((parts * heads) / own, groupSize));
  const joined = [sums, stats, segmentStart, segmentEnd, o];
  emit.dispatch(joinKernel(vector), joined, [span, heads, size], grid1d(heads * size, groupSize));
}

function partsKernel(vector: Vector, own: number): Kernel {
  return kernelOf(`decode_parts_${own}${vector.suffix}`, () => ({
    storage: {
      q: 'array<V>',
      k: 'array<V>',
      v: 'array<V>',
      segment_start: 'array<u32>',
      segment_end: 'array<u32>',
      sums: 'array<V>',
      stats: 'array<vec2<f32>>',
    },
    params: { parts: 'u32', span: 'u32', heads: 'u32', kv_heads: 'u32', size: 'u32', scale: 'f32' },
    declarations: `${vector.declarations}\n${innerProduct(vector)}`,
    main: partsBody(own),
  }));
}

/** An invocation owns `own` heads of one part; neighbours walk equally many keys. */
function partsBody(own: number): string {
  return `  let part = i / (p.heads / ${own}u);
  let head = i % (p.heads / ${own}u) * ${own}u;
  let begin = segment_start[0] + part * p.span;
  let end = min(segment_end[0], begin + p.span);
  if (part >= p.parts || begin >= end) { return; }
  let kv_head = head / (p.heads / p.kv_heads);
${lines(own, openHead)}
  for (var j = begin; j < end; j += ${meet}u) {
${lines(meet, t => `    let key${t} = (min(j + ${t}u, end - 1u) * p.kv_heads + kv_head) * p.size;`)}
${lines(own, b => list(meet, t => `    var s${b}_${t} = 0.0;`, ''))}
    for (var d = 0u; d < p.size; d++) {
${lines(own, b => `      let q${b} = q[home${b} + d];`)}
${lines(meet, t => `      let k${t} = k[key${t} + d];\n${list(own, b => `      s${b}_${t} += inner(q${b}, k${t});`, '')}`)}
    }
${lines(own, weigh)}
    for (var d = 0u; d < p.size; d++) {
${lines(own, b => `      var o${b} = V();\n      if (j != begin) { o${b} = sums[place${b} + d] * shrink${b}; }`)}
${lines(meet, t => `      let v${t} = v[key${t} + d];\n${list(own, b => `      o${b} += s${b}_${t} * v${t};`, '')}`)}
${lines(own, b => `      sums[place${b} + d] = o${b};`)}
    }
  }
${lines(own, b => `  stats[at${b}] = vec2<f32>(top${b}, sum${b});`)}`;
}

function openHead(b: number): string {
  return `  let home${b} = (head + ${b}u) * p.size;
  let at${b} = part * p.heads + head + ${b}u;
  let place${b} = at${b} * p.size;
  var top${b} = ${lowest};
  var sum${b} = 0.0;`;
}

/** Turns a head's scores of this tile into weights relative to its new running maximum. */
function weigh(b: number): string {
  const scores = Array.from({ length: meet }, (_, t) => `s${b}_${t}`);
  return `${lines(meet, t => `    s${b}_${t} = select(${lowest}, s${b}_${t} * p.scale, j + ${t}u < end);`)}
    let peak${b} = max(top${b}, ${fold('max', scores)});
    let shrink${b} = exp(top${b} - peak${b});
    top${b} = peak${b};
${lines(meet, t => `    s${b}_${t} = select(0.0, exp(s${b}_${t} - peak${b}), j + ${t}u < end);`)}
    sum${b} = sum${b} * shrink${b} + (${scores.join(' + ')});`;
}

/** An invocation joins one element of a head's output. */
function joinKernel(vector: Vector): Kernel {
  return kernelOf(`decode_join${vector.suffix}`, () => ({
    storage: {
      sums: 'array<V>',
      stats: 'array<vec2<f32>>',
      segment_start: 'array<u32>',
      segment_end: 'array<u32>',
      o: 'array<V>',
    },
    params: { span: 'u32', heads: 'u32', size: 'u32' },
    declarations: vector.declarations,
    main: `  if (i >= p.heads * p.size) { return; }
  let head = i / p.size;
  let d = i % p.size;
  let parts = (segment_end[0] - segment_start[0] + p.span - 1u) / p.span;
  var top = ${lowest};
  for (var part = 0u; part < parts; part++) { top = max(top, stats[part * p.heads + head].x); }
  var sum = 0.0;
  var joined = V();
  for (var part = 0u; part < parts; part++) {
    let at = part * p.heads + head;
    let weight = exp(stats[at].x - top);
    sum += weight * stats[at].y;
    joined += weight * sums[at * p.size + d];
  }
  o[i] = joined * (1.0 / sum);`,
  }));
}
