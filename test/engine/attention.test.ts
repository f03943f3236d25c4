import { strict as assert } from 'node:assert';
import { attention } from '../../webview/engine/ops/attention';
import { attentionGradients, attentionReference, segments, type Case } from './attentionReference';
import { differentiable, randomArray, relativeError, runOp, type OpResult } from './harness';

const tolerance = 2e-5;

/** Lengths of the examples in the stream, and the sizes of the heads. */
const cases: readonly Case[] = [
  { lengths: [1], heads: 1, kvHeads: 1, headDim: 4 },
  { lengths: [3], heads: 2, kvHeads: 2, headDim: 8 },
  { lengths: [5, 1, 13, 2], heads: 4, kvHeads: 2, headDim: 16 },
  { lengths: [63], heads: 3, kvHeads: 1, headDim: 32 },
  { lengths: [65, 7], heads: 2, kvHeads: 1, headDim: 64 },
  { lengths: [9, 9], heads: 6, kvHeads: 2, headDim: 12 },
  { lengths: [10], heads: 1, kvHeads: 1, headDim: 128 },
  { lengths: [4, 6], heads: 2, kvHeads: 1, headDim: 6 },
];

async function run(
  shape: Case,
  seed: number,
): Promise<{ result: OpResult; data: Record<'q' | 'k' | 'v' | 'up', Float32Array> }> {
  const rows = shape.lengths.reduce((a, b) => a + b, 0);
  const { heads, kvHeads, headDim } = shape;
  const size = (count: number) => rows * count * headDim;
  const data = {
    q: randomArray(size(heads), seed, 3),
    k: randomArray(size(kvHeads), seed + 1, 3),
    v: randomArray(size(kvHeads), seed + 2),
    up: randomArray(size(heads), seed + 3),
  };
  const result = await runOp({
    build: graph => {
      const segmentStart = graph.input('start', [rows]);
      const segmentEnd = graph.input('end', [rows]);
      const q = differentiable(graph, 'q', [rows, heads * headDim]);
      const k = differentiable(graph, 'k', [rows, kvHeads * headDim]);
      const v = differentiable(graph, 'v', [rows, kvHeads * headDim]);
      return [attention(graph, 'o', { q, k, v, segmentStart, segmentEnd, heads, kvHeads, headDim })];
    },
    data: { ...data, ...segments(shape.lengths) },
    upstream: { o: data.up },
  });
  return { result, data };
}

describe('attention', () => {
  for (const shape of cases) {
    const { lengths, heads, kvHeads, headDim } = shape;
    it(`examples of ${lengths.join(', ')} tokens, ${heads} heads on ${kvHeads}, head size ${headDim}`, async () => {
      const { result, data } = await run(shape, 11);
      const expected = attentionReference(shape, data);
      const gradients = attentionGradients(shape, data);
      assert.ok(relativeError(result.values.o, expected) < tolerance, 'o');
      for (const name of ['q', 'k', 'v'] as const)
        assert.ok(relativeError(result.gradients[name], gradients[name]) < tolerance, `d${name}`);
    });
  }

  it('repeats itself bit for bit', async () => {
    const shape = { lengths: [21, 16], heads: 4, kvHeads: 2, headDim: 16 };
    const [first, second] = [await run(shape, 7), await run(shape, 7)];
    assert.deepEqual(first.result, second.result);
  });

  it('would notice examples that see each other', async () => {
    const shape = { lengths: [5, 6], heads: 2, kvHeads: 1, headDim: 8 };
    const { result, data } = await run(shape, 5);
    const joined = attentionReference({ ...shape, lengths: [11] }, data);
    assert.ok(relativeError(result.values.o, joined) > 1e-2);
  });
});
