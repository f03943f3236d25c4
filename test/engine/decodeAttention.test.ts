import { strict as assert } from 'node:assert';
import { cachedAttention } from '../../webview/engine/ops/cachedAttention';
import type { AttentionShape } from '../../webview/engine/ops/attentionShape';
import { attentionReference } from './attentionReference';
import { randomArray, relativeError, runOp } from './harness';

interface Case extends AttentionShape {
  /** Rows of the cache without the spare one; how many tokens the text has, the new one included. */
  readonly rows: number;
  readonly tokens: number;
}

/** One key; a part's edge and its neighbours; a cache of more rows than parts hold at once; heads of every width. */
const cases: readonly Case[] = [
  { rows: 20, tokens: 1, heads: 2, kvHeads: 1, headDim: 8 },
  { rows: 20, tokens: 8, heads: 4, kvHeads: 2, headDim: 16 },
  { rows: 20, tokens: 9, heads: 4, kvHeads: 2, headDim: 16 },
  { rows: 20, tokens: 20, heads: 3, kvHeads: 3, headDim: 6 },
  { rows: 256, tokens: 251, heads: 4, kvHeads: 2, headDim: 32 },
  { rows: 1300, tokens: 1201, heads: 2, kvHeads: 1, headDim: 12 },
];

/** The new token's attention: everything but its own key and value lies in the cache; what is not written is NaN. */
async function decode({ rows, tokens, heads, kvHeads, headDim }: Case) {
  const width = kvHeads * headDim;
  const all = {
    q: randomArray(tokens * heads * headDim, 3, 3),
    k: randomArray(tokens * width, 4, 3),
    v: randomArray(tokens * width, 5),
  };
  const last = tokens - 1;
  const cacheOf = (values: Float32Array) => {
    const cache = new Float32Array((rows + 1) * width).fill(NaN);
    cache.set(values.subarray(0, last * width));
    return cache;
  };
  const { values } = await runOp({
    build: graph => {
      const [q, k, v] = [heads * headDim, width, width].map((size, at) => graph.input('qkv'[at], [1, size], 'f32'));
      const cache = {
        k: graph.input('cache.k', [rows + 1, width], 'f32'),
        v: graph.input('cache.v', [rows + 1, width], 'f32'),
      };
      const [cacheRows, segmentStart, segmentEnd] = ['row', 'start', 'end'].map(name => graph.input(name, [1]));
      return [
        cachedAttention(graph, 'o', { q, k, v, cache, cacheRows, segmentStart, segmentEnd, heads, kvHeads, headDim }),
      ];
    },
    data: {
      q: all.q.slice(last * heads * headDim),
      k: all.k.slice(last * width),
      v: all.v.slice(last * width),
      'cache.k': cacheOf(all.k),
      'cache.v': cacheOf(all.v),
      row: Uint32Array.of(last),
      start: Uint32Array.of(0),
      end: Uint32Array.of(tokens),
    },
  });
  return { o: values.o, all };
}

describe('attention of one token to the cache', () => {
  for (const shape of cases)
    it(`${shape.tokens} of ${shape.rows} rows, ${shape.heads} heads on ${shape.kvHeads} of ${shape.headDim}`, async () => {
      const { o, all } = await decode(shape);
      const whole = attentionReference({ ...shape, lengths: [shape.tokens] }, { ...all, up: all.q });
      const expected = whole.slice((shape.tokens - 1) * shape.heads * shape.headDim);
      assert.ok(relativeError(o, expected) < 2e-5, String(relativeError(o, expected)));
    });
});
