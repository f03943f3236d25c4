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

/** Keys whose scores an invocation holds at once. */
const meet = 8;
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
  const span = meet * Math.ceil(rows / (meet * mostParts));
  const parts = Math.ceil(rows / span);
  const sums = emit.temp('parts', [parts, heads, headDim]);
  const stats = emit.temp('stats', [parts, heads, 2]);
  const params = [parts, span, heads, kvHeads, size, f32(1 / Math.sqrt(headDim))];
  const bindings = [q, cache.k, cache.v, segmentStart, segmentEnd, sums, stats];
  emit.dispatch(partsKernel(vector), bindings, params, grid1d(parts * heads, groupSize));
  const joined = [sums, stats, segmentStart, segmentEnd, o];
  emit.dispatch(joinKernel(vector), joined, [span, heads, size], grid1d(heads * size, groupSize));
}

function partsKernel(vector: Vector): Kernel {
  return kernelOf(`decode_parts${vector.suffix}`, () => ({
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
    main: partsBody(),
  }));
}

/** Invocation i is part ⌊i/heads⌋ of head i mod heads: neighbours walk equally many keys. */
function partsBody(): string {
  const names = Array.from({ length: meet }, (_, t) => `s${t}`);
  return `  let head = i % p.heads;
  let part = i / p.heads;
  let begin = segment_start[0] + part * p.span;
  let end = min(segment_end[0], begin + p.span);
  if (part >= p.parts || begin >= end) { return; }
  let kv_head = head / (p.heads / p.kv_heads);
  let home = head * p.size;
  let place = i * p.size;
  var top = ${lowest};
  var sum = 0.0;
  for (var j = begin; j < end; j += ${meet}u) {
${lines(meet, t => `    let key${t} = (min(j + ${t}u, end - 1u) * p.kv_heads + kv_head) * p.size;`)}
${list(meet, t => `    var s${t} = 0.0;`, '')}
    for (var d = 0u; d < p.size; d++) {
      let query = q[home + d];
${lines(meet, t => `      s${t} += inner(query, k[key${t} + d]);`)}
    }
${lines(meet, t => `    s${t} = select(${lowest}, s${t} * p.scale, j + ${t}u < end);`)}
    let peak = max(top, ${fold('max', names)});
    let shrink = exp(top - peak);
    top = peak;
${lines(meet, t => `    s${t} = select(0.0, exp(s${t} - peak), j + ${t}u < end);`)}
    sum = sum * shrink + (${names.join(' + ')});
    for (var d = 0u; d < p.size; d++) {
      var total_ = select(sums[place + d] * shrink, V(), j == begin);
${lines(meet, t => `      total_ += s${t} * v[key${t} + d];`)}
      sums[place + d] = total_;
    }
  }
  stats[i] = vec2<f32>(top, sum);`;
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
