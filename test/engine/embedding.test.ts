import { strict as assert } from 'node:assert';
import type { GraphBuilder } from '../../webview/engine/graph/builder';
import { embedding, type TablePart } from '../../webview/engine/ops/embedding';
import { embeddingBuckets } from '../../webview/engine/ops/embeddingBuckets';
import { packHalf, roundHalf } from './denseReference';
import { randomArray, relativeError, runOp } from './harness';

interface Case {
  readonly S: number;
  readonly d: number;
  readonly vocabulary: number;
  /** Rows of the first part; the rest is a second part. */
  readonly cut?: number;
  readonly places: number;
}

function partsOf(graph: GraphBuilder, { d, vocabulary, cut }: Case): TablePart[] {
  const bounds = cut === undefined ? [0, vocabulary] : [0, cut, vocabulary];
  return bounds.slice(1).map((end, index) => {
    const rows = end - bounds[index];
    return { tensor: graph.parameter(`table${index}`, [rows, d], { trainable: true }), firstRow: bounds[index], rows };
  });
}

function build(graph: GraphBuilder, test: Case) {
  const { S, d, places } = test;
  const ids = graph.input('ids', [S]);
  const buckets = {
    unique: graph.input('unique', [S]),
    start: graph.input('start', [S + 1]),
    order: graph.input('order', [S]),
  };
  const table = graph.parameter('places', [places, d], { trainable: true });
  const positions = { ids: graph.input('positions', [S]), table };
  return [embedding(graph, 'x', { ids, parts: partsOf(graph, test), positions, buckets })];
}

function tokens(count: number, below: number, seed: number): Uint32Array {
  return Uint32Array.from(randomArray(count, seed), v => Math.min(below - 1, Math.floor(((v + 1) / 2) * below)));
}

async function check(test: Case): Promise<void> {
  const { S, d, vocabulary, cut, places } = test;
  const ids = tokens(S, vocabulary, 1);
  const positions = tokens(S, places, 2);
  const table = randomArray(vocabulary * d, 3);
  const placeTable = randomArray(places * d, 4);
  const dx = randomArray(S * d, 5);
  const { unique, start, order } = embeddingBuckets(ids);
  const split = (cut ?? vocabulary) * d;
  const { values, gradients } = await runOp({
    build: graph => build(graph, test),
    data: {
      ids,
      positions,
      unique,
      start,
      order,
      table0: table.slice(0, split),
      table1: table.slice(split),
      places: placeTable,
    },
    upstream: { x: dx },
  });
  const expected = dx.map((_, i) => {
    const [token, column] = [Math.floor(i / d), i % d];
    return table[ids[token] * d + column] + placeTable[positions[token] * d + column];
  });
  assert.deepEqual(values.x, expected);
  const sums = (rows: number, of: Uint32Array) => {
    const out = new Float64Array(rows * d);
    dx.forEach((v, i) => (out[of[Math.floor(i / d)] * d + (i % d)] += v));
    return out;
  };
  const whole = [...gradients.table0, ...(cut === undefined ? [] : gradients.table1)];
  assert.ok(relativeError(whole, sums(vocabulary, ids)) < 1e-6, `table ${JSON.stringify(test)}`);
  assert.ok(relativeError(gradients.places, sums(places, positions)) < 1e-6, `places ${JSON.stringify(test)}`);
}

describe('embedding', () => {
  it('gathers and adds up gradients, in one part or two', async () => {
    await check({ S: 1, d: 1, vocabulary: 1, places: 1 });
    await check({ S: 3, d: 5, vocabulary: 7, places: 2 });
    await check({ S: 130, d: 12, vocabulary: 65, places: 63, cut: 32 });
    await check({ S: 65, d: 63, vocabulary: 300, places: 128, cut: 4 });
  });

  it('reads a frozen half-precision table of odd width', async () => {
    const table = randomArray(5 * 3, 1);
    const { values } = await runOp({
      build: graph => {
        const tensor = graph.parameter('table', [5, 3], { dtype: 'f16' });
        return [embedding(graph, 'x', { ids: graph.input('ids', [4]), parts: [{ tensor, firstRow: 0, rows: 5 }] })];
      },
      data: { ids: Uint32Array.of(4, 0, 3, 9), table: packHalf(table) },
    });
    const rows = [4, 0, 3].flatMap(row => [...table.slice(row * 3, row * 3 + 3)].map(roundHalf));
    assert.deepEqual([...values.x], [...rows, 0, 0, 0], 'an id past the table reads as zero');
  });

  it('one token in the wrong bucket would be noticed', async () => {
    const ids = Uint32Array.of(1, 2, 1);
    const wrong = embeddingBuckets([1, 1, 2]);
    const test: Case = { S: 3, d: 4, vocabulary: 4, places: 1 };
    const dx = randomArray(12, 1);
    const { gradients } = await runOp({
      build: graph => build(graph, test),
      data: {
        ids,
        positions: new Uint32Array(3),
        table0: randomArray(16, 2),
        places: randomArray(4, 3),
        ...withoutCount(wrong),
      },
      upstream: { x: dx },
    });
    const right = new Float64Array(16);
    dx.forEach((v, i) => (right[ids[Math.floor(i / 4)] * 4 + (i % 4)] += v));
    assert.ok(relativeError(gradients.table0, right) > 0.1);
  });
});

function withoutCount({ unique, start, order }: ReturnType<typeof embeddingBuckets>) {
  return { unique, start, order };
}

describe('embedding buckets', () => {
  it('sort stably and pad to the stream', () => {
    const { unique, start, order, count } = embeddingBuckets([7, 2, 7, 0, 2]);
    assert.equal(count, 3);
    assert.deepEqual([...unique], [0, 2, 7, 0, 0]);
    assert.deepEqual([...start], [0, 1, 3, 5, 5, 5]);
    assert.deepEqual([...order], [3, 1, 4, 0, 2]);
  });
});
