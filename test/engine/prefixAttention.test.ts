import { strict as assert } from 'node:assert';
import { attention } from '../../webview/engine/ops/attention';
import { keep, pcg } from '../../webview/engine/ops/dropoutHash';
import { stepLayout, stepWords } from '../../webview/engine/runtime/kernel';
import { segments, type Case } from './attentionReference';
import { agrees } from './differences';
import { differentiable, randomArray, relativeError, runOp } from './harness';

interface PrefixCase extends Case {
  readonly prefix: number;
  readonly rate?: number;
}

const cases: readonly PrefixCase[] = [
  { lengths: [3], heads: 1, kvHeads: 1, headDim: 4, prefix: 1 },
  { lengths: [5, 1, 13, 2], heads: 4, kvHeads: 2, headDim: 16, prefix: 7 },
  { lengths: [33, 9], heads: 3, kvHeads: 1, headDim: 8, prefix: 20 },
  { lengths: [4, 6], heads: 2, kvHeads: 2, headDim: 6, prefix: 5 },
  { lengths: [6, 3, 8], heads: 4, kvHeads: 2, headDim: 8, prefix: 5, rate: 0.3 },
  { lengths: [4, 3], heads: 2, kvHeads: 1, headDim: 6, prefix: 3, rate: 0.5 },
];
const seed = 0x1234567;
const key = 77;

/** Softmax attention over prefix and visible tokens in one row, straight from its definition. */
function reference(shape: PrefixCase): (data: Readonly<Record<string, Float64Array>>) => Float64Array {
  const { heads, kvHeads, headDim, prefix, rate = 0 } = shape;
  const { start } = segments(shape.lengths);
  const width = kvHeads * headDim;
  const thin = (value: number, at: number, first: number, side: number) =>
    rate === 0 ? value : keep((seed ^ pcg(first)) >>> 0, key + side, at, rate) ? value / (1 - rate) : 0;
  return ({ q, k, v, pk, pv }) => {
    const o = new Float64Array(q.length);
    for (let row = 0; row < start.length; row++)
      for (let head = 0; head < heads; head++) {
        const query = (row * heads + head) * headDim;
        const column = Math.floor((head * kvHeads) / heads) * headDim;
        const keys: { k: number[]; v: number[] }[] = [];
        const take = (at: number, read: (at: number) => { k: number; v: number }) => {
          const pairs = Array.from({ length: headDim }, (_, d) => read(at * width + column + d));
          keys.push({ k: pairs.map(pair => pair.k), v: pairs.map(pair => pair.v) });
        };
        for (let p = 0; p < prefix; p++)
          take(p, at => ({ k: thin(pk[at], at, start[row], 0), v: thin(pv[at], at, start[row], 1) }));
        for (let j = start[row]; j <= row; j++) take(j, at => ({ k: k[at], v: v[at] }));
        const scores = keys.map(one => one.k.reduce((sum, x, d) => sum + x * q[query + d], 0) / Math.sqrt(headDim));
        const top = Math.max(...scores);
        const total = scores.reduce((sum, s) => sum + Math.exp(s - top), 0);
        keys.forEach((one, j) => {
          for (let d = 0; d < headDim; d++) o[query + d] += (Math.exp(scores[j] - top) / total) * one.v[d];
        });
      }
    return o;
  };
}

async function run(shape: PrefixCase, training = true) {
  const rows = shape.lengths.reduce((a, b) => a + b, 0);
  const { heads, kvHeads, headDim, prefix, rate } = shape;
  const width = kvHeads * headDim;
  const data = {
    q: randomArray(rows * heads * headDim, 1, 2),
    k: randomArray(rows * width, 2, 2),
    v: randomArray(rows * width, 3),
    pk: randomArray(prefix * width, 4, 2),
    pv: randomArray(prefix * width, 5),
  };
  const up = randomArray(data.q.length, 6);
  const step = new Uint32Array(stepWords);
  step[stepLayout.seed] = seed;
  new Float32Array(step.buffer)[stepLayout.method] = 1;
  const positions = Uint32Array.from({ length: rows }, (_, i) => (i < rows - 1 ? prefix : 0));
  const result = await runOp({
    build: graph => {
      const [segmentStart, segmentEnd] = ['start', 'end'].map(name => graph.input(name, [rows]));
      const tensor = (name: string, count: number, columns: number) => differentiable(graph, name, [count, columns]);
      const q = tensor('q', rows, heads * headDim);
      const [k, v] = ['k', 'v'].map(name => tensor(name, rows, width));
      const [pk, pv] = ['pk', 'pv'].map(name => tensor(name, prefix, width));
      const into = graph.state('mass', [heads + 1]);
      const options = { q, k, v, segmentStart, segmentEnd, heads, kvHeads, headDim };
      const watch = {
        into,
        at: 0,
        positions: graph.input('positions', [rows]),
        virtual: prefix,
        place: 'prefix' as const,
      };
      const dropout = rate === undefined ? undefined : { rate, key };
      return [attention(graph, 'o', { ...options, prefix: { k: pk, v: pv, dropout }, watch })];
    },
    data: { ...data, ...segments(shape.lengths), positions },
    ...(training ? { upstream: { o: up } } : {}),
    step,
  });
  return { result, data, up, rows };
}

describe('attention with a prefix', () => {
  for (const shape of cases) {
    const { lengths, heads, kvHeads, headDim, prefix, rate = 0 } = shape;
    it(`${prefix} rows before ${lengths.join(', ')} tokens, ${heads} heads on ${kvHeads} of ${headDim}, dropout ${rate}`, async () => {
      const { result, data, up } = await run(shape);
      const { gradients } = result;
      agrees({ reference: reference(shape), inputs: data, up, value: result.values.o, gradients, tolerance: 3e-5 });
    });
  }

  it('measures the share of the mass that lies on the prefix, without filling rows', async () => {
    const shape = { ...cases[1], lengths: [5, 1] };
    const { result, data, rows } = await run(shape);
    const ones = new Float64Array(shape.prefix * shape.kvHeads * shape.headDim).fill(1);
    const wide = Object.fromEntries(Object.entries(data).map(([name, values]) => [name, Float64Array.from(values)]));
    // With values of one on the prefix and zero elsewhere, the output is the share itself.
    const shares = reference(shape)({ ...wide, pv: ones, v: new Float64Array(data.v.length) });
    const expected = Array.from({ length: shape.heads }, (_, head) => {
      let sum = 0;
      for (let row = 0; row < rows - 1; row++) sum += shares[(row * shape.heads + head) * shape.headDim];
      return sum;
    });
    assert.ok(relativeError(result.values.mass, [...expected, rows - 1]) < 1e-5);
  });

  it('drops nothing outside training', async () => {
    const shape = cases[4];
    const { result, data } = await run(shape, false);
    const wide = Object.fromEntries(Object.entries(data).map(([name, values]) => [name, Float64Array.from(values)]));
    assert.ok(relativeError(result.values.o, reference({ ...shape, rate: 0 })(wide)) < 3e-5);
  });

  it('repeats itself bit for bit', async () => {
    const [first, second] = [await run(cases[2]), await run(cases[2])];
    assert.deepEqual(first.result, second.result);
  });
});

describe('attention to a prompt', () => {
  it('measures the share of the mass on the first tokens of each example', async () => {
    const shape = { lengths: [6, 4], heads: 2, kvHeads: 1, headDim: 4 };
    const rows = 10;
    const prompt = 2;
    const data = { q: randomArray(80, 1, 2), k: randomArray(40, 2, 2), v: new Float32Array(40) };
    const positions = Uint32Array.from([0, 1, 2, 3, 4, 5, 0, 1, 2, 3]);
    const step = new Uint32Array(stepWords);
    new Float32Array(step.buffer)[stepLayout.method] = 1;
    const { start } = segments(shape.lengths);
    // Values of one in the rows of the prompt make the output the share itself.
    for (let row = 0; row < rows; row++) if (positions[row] < prompt) data.v.fill(1, row * 4, row * 4 + 4);
    const { values } = await runOp({
      build: graph => {
        const [segmentStart, segmentEnd] = ['start', 'end'].map(name => graph.input(name, [rows]));
        const q = differentiable(graph, 'q', [rows, 8]);
        const [k, v] = ['k', 'v'].map(name => differentiable(graph, name, [rows, 4]));
        const into = graph.state('mass', [3]);
        const watch = {
          into,
          at: 0,
          positions: graph.input('positions', [rows]),
          virtual: prompt,
          place: 'input' as const,
        };
        return [attention(graph, 'o', { q, k, v, segmentStart, segmentEnd, heads: 2, kvHeads: 1, headDim: 4, watch })];
      },
      data: { ...data, ...segments(shape.lengths), positions },
      upstream: { o: new Float32Array(80) },
      step,
    });
    const expected = [0, 1].map(head => {
      let sum = 0;
      for (let row = 0; row < rows; row++) if (row - start[row] >= prompt) sum += values.o[(row * 2 + head) * 4];
      return sum;
    });
    assert.ok(relativeError(values.mass, [...expected, 6]) < 1e-5);
  });
});
