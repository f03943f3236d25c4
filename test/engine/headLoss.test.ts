import { strict as assert } from 'node:assert';
import type { GraphBuilder } from '../../webview/engine/graph/builder';
import { headLoss, lastLogits } from '../../webview/engine/ops/headLoss';
import { chunkRows } from '../../webview/engine/ops/headLossShape';
import { ignoredLabel } from '../../webview/engine/ops/headLossKernels';
import { stepWords } from '../../webview/engine/runtime/kernel';
import { packHalf, product, roundHalf } from './denseReference';
import { differentiable, randomArray, relativeError, runOp } from './harness';

interface Case {
  readonly S: number;
  readonly d: number;
  readonly vocabulary: number;
  readonly cut?: number;
  readonly trained?: boolean;
  readonly half?: boolean;
  readonly workspaceBytes?: number;
  readonly training?: boolean;
  readonly partwise?: boolean;
}

const lossScale = 0.25;

function partsOf(graph: GraphBuilder, { d, vocabulary, cut, trained, half }: Case) {
  const bounds = cut === undefined ? [0, vocabulary] : [0, cut, vocabulary];
  const options = { trainable: trained ?? false, dtype: half ? 'f16' : 'f32' } as const;
  return bounds.slice(1).map((end, index) => {
    const rows = end - bounds[index];
    return { tensor: graph.parameter(`table${index}`, [rows, d], options), firstRow: bounds[index], rows };
  });
}

function build(graph: GraphBuilder, test: Case) {
  const x = differentiable(graph, 'x', [test.S, test.d]);
  const labels = graph.input('labels', [test.S]);
  const scalars = graph.state('scalars', [4]);
  const { workspaceBytes, partwise } = test;
  return [headLoss(graph, 'head', { x, parts: partsOf(graph, test), labels, scalars, workspaceBytes, partwise })];
}

function reference({ S, d, vocabulary }: Case, x: ArrayLike<number>, table: ArrayLike<number>, labels: Uint32Array) {
  const logits = product('nt', x, table, { m: S, n: vocabulary, k: d });
  const losses = new Float64Array(S);
  const dLogits = new Float64Array(S * vocabulary);
  for (let row = 0; row < S; row++) {
    const own = logits.subarray(row * vocabulary, (row + 1) * vocabulary);
    const maximum = Math.max(...own);
    const logSum = maximum + Math.log(own.reduce((sum, v) => sum + Math.exp(v - maximum), 0));
    if (labels[row] === ignoredLabel) continue;
    losses[row] = logSum - own[labels[row]];
    own.forEach((v, i) => {
      dLogits[row * vocabulary + i] = lossScale * (Math.exp(v - logSum) - (i === labels[row] ? 1 : 0));
    });
  }
  return {
    losses,
    total: losses.reduce((sum, v) => sum + v, 0),
    dx: product('nn', dLogits, table, { m: S, n: d, k: vocabulary }),
    dTable: product('tn', dLogits, x, { m: vocabulary, n: d, k: S }),
  };
}

function labelsFor(S: number, vocabulary: number): Uint32Array {
  return Uint32Array.from({ length: S }, (_, i) => (i % 5 === 3 ? ignoredLabel : (i * 7919) % vocabulary));
}

/** The head on random values: what it was given, and what came out. */
async function run(test: Case) {
  const { S, d, vocabulary, cut, half } = test;
  const x = randomArray(S * d, 1);
  const table = randomArray(vocabulary * d, 2, 2);
  const labels = labelsFor(S, vocabulary);
  const step = new Uint32Array(stepWords);
  new Float32Array(step.buffer)[0] = lossScale;
  const split = (cut ?? vocabulary) * d;
  const pack = (values: Float32Array) => (half ? packHalf(values) : values);
  const result = await runOp({
    build: graph => build(graph, test),
    data: { x, labels, table0: pack(table.slice(0, split)), table1: pack(table.slice(split)) },
    upstream: test.training === false ? undefined : {},
    step,
  });
  return { x, table, labels, ...result };
}

async function check(test: Case): Promise<void> {
  const { half } = test;
  const { x, table, labels, values, gradients } = await run(test);
  const expected = reference(test, x, half ? table.map(roundHalf) : table, labels);
  const name = JSON.stringify(test);
  assert.ok(relativeError(values.scalars.slice(0, 1), [expected.total]) < 2e-6, `total ${name}`);
  if (test.training === false) {
    assert.ok(relativeError(values['head.losses'], expected.losses) < 3e-6, `losses ${name}`);
    return;
  }
  assert.ok(relativeError(gradients.x, expected.dx) < 5e-6, `dx ${name}`);
  const whole = test.trained ? [...gradients.table0, ...(gradients.table1 ?? [])] : [];
  if (test.trained) assert.ok(relativeError(whole, expected.dTable) < 5e-6, `dE ${name}`);
  else assert.equal('table0' in gradients, false);
}

describe('head loss', () => {
  it('losses and gradients at awkward sizes, in one chunk and many', async () => {
    await check({ S: 1, d: 1, vocabulary: 1, trained: true });
    await check({ S: 3, d: 5, vocabulary: 7, trained: true });
    await check({ S: 65, d: 12, vocabulary: 63, trained: true, workspaceBytes: 1 });
    await check({ S: 130, d: 8, vocabulary: 301, trained: true, workspaceBytes: 64 * 1216 });
    await check({ S: 9, d: 16, vocabulary: 2050, trained: true });
  });

  it('a table in parts, frozen or trained', async () => {
    await check({ S: 17, d: 8, vocabulary: 101, cut: 64, trained: true, workspaceBytes: 1 });
    await check({ S: 17, d: 8, vocabulary: 101, cut: 64 });
    await check({ S: 9, d: 8, vocabulary: 36, half: true });
  });

  it('part by part gives the bits of chunk by chunk, in one chunk and many', async () => {
    for (const [kind, vocabulary] of [
      [{ half: true }, 1030],
      [{ half: true }, 1536],
      [{ trained: true }, 1030],
    ] as const)
      for (const [S, workspaceBytes] of [
        [9, undefined],
        [37, 1],
      ] as const) {
        const test: Case = { d: 12, cut: 1024, ...kind, S, vocabulary, workspaceBytes };
        const [chunkwise, partwise] = [await run(test), await run({ ...test, partwise: true })];
        assert.deepEqual(partwise.values, chunkwise.values);
        assert.deepEqual(partwise.gradients, chunkwise.gradients);
        await check({ ...test, partwise: true });
        await check({ ...test, partwise: true, training: false });
      }
  });

  it('evaluation gives the loss of every position, 0 where it is ignored', async () => {
    await check({ S: 33, d: 12, vocabulary: 65, training: false, workspaceBytes: 1 });
    await check({ S: 7, d: 3, vocabulary: 1027, training: false });
  });

  it('agrees with finite differences of the loss', async () => {
    const test: Case = { S: 4, d: 3, vocabulary: 5, trained: true };
    const [x, table, labels] = [randomArray(12, 1), randomArray(15, 2, 2), labelsFor(4, 5)];
    const step = new Uint32Array(stepWords);
    new Float32Array(step.buffer)[0] = lossScale;
    const options = { build: (graph: GraphBuilder) => build(graph, test), upstream: {}, step };
    const { gradients } = await runOp({ ...options, data: { x, table0: table, labels } });
    const shifted = (values: Float32Array, at: number, by: number) =>
      Float64Array.from(values, (v, i) => (i === at ? v + by : v));
    const slope = (loss: (by: number) => number) => (lossScale * (loss(1e-4) - loss(-1e-4))) / 2e-4;
    x.forEach((_, at) => {
      const expected = slope(by => reference(test, shifted(x, at, by), table, labels).total);
      assert.ok(Math.abs(gradients.x[at] - expected) < 1e-5, `x ${at}`);
    });
    table.forEach((_, at) => {
      const expected = slope(by => reference(test, x, shifted(table, at, by), labels).total);
      assert.ok(Math.abs(gradients.table0[at] - expected) < 1e-5, `table ${at}`);
    });
  });

  it('a large logit does not overflow, and a wrong label would be noticed', async () => {
    const test: Case = { S: 2, d: 4, vocabulary: 8, training: false };
    const x = Float32Array.of(100, 0, 0, 0, 0, 100, 0, 0);
    const table = new Float32Array(32);
    table[0] = 2;
    table[5] = 2;
    const labels = Uint32Array.of(0, 0);
    const { values } = await runOp({ build: graph => build(graph, test), data: { x, table0: table, labels } });
    const expected = reference(test, x, table, labels);
    assert.ok(relativeError(values['head.losses'], expected.losses) < 1e-6);
    const wrong = reference(test, x, table, Uint32Array.of(1, 1));
    assert.ok(relativeError(values['head.losses'], wrong.losses) > 0.1);
  });

  it('a NaN in the hidden state reaches the loss', async () => {
    const test: Case = { S: 2, d: 4, vocabulary: 8, training: false };
    const x = randomArray(8, 1);
    x[1] = NaN;
    const data = { x, table0: randomArray(32, 2), labels: Uint32Array.of(0, 1) };
    const { values } = await runOp({ build: graph => build(graph, test), data });
    assert.ok(Number.isNaN(values['head.losses'][0]) && Number.isFinite(values['head.losses'][1]));
  });

  it('keeps a chunk of logits within its bytes', () => {
    assert.equal(chunkRows(5000, 50260), 80);
    assert.equal(chunkRows(5000, 4, 1), 8);
    assert.equal(chunkRows(5, 4), 5);
  });
});

describe('last logits', () => {
  it('gives the logits of the chosen rows', async () => {
    for (const [rows, d, vocabulary, cut] of [
      [[4], 12, 65, undefined],
      [[0, 6, 2], 5, 63, 32],
    ] as const) {
      const x = randomArray(7 * d, 1);
      const table = randomArray(vocabulary * d, 2);
      const split = (cut ?? vocabulary) * d;
      const { values } = await runOp({
        build: graph => {
          const parts = partsOf(graph, { S: 7, d, vocabulary, cut });
          const picked = graph.input('rows', [rows.length]);
          return [lastLogits(graph, 'head', { x: graph.parameter('x', [7, d]), parts, rows: picked })];
        },
        data: { x, rows: Uint32Array.from(rows), table0: table.slice(0, split), table1: table.slice(split) },
      });
      const chosen = rows.flatMap(row => [...x.slice(row * d, row * d + d)]);
      const expected = product('nt', chosen, table, { m: rows.length, n: vocabulary, k: d });
      assert.ok(relativeError(values['head.logits'], expected) < 2e-6);
    }
  });
});
