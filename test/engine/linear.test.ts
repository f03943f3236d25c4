import { strict as assert } from 'node:assert';
import { GraphBuilder } from '../../webview/engine/graph/builder';
import { linear } from '../../webview/engine/ops/linear';
import { packHalf, product, roundHalf } from './denseReference';
import { differentiable, randomArray, relativeError, runOp } from './harness';

interface Case {
  readonly S: number;
  readonly inner: number;
  readonly outer: number;
  readonly layout: 'oi' | 'io';
  readonly bias: boolean;
}

function weightShape({ inner, outer, layout }: Case): [number, number] {
  return layout === 'oi' ? [outer, inner] : [inner, outer];
}

function reference(test: Case, x: Float32Array, weight: ArrayLike<number>, bias?: Float32Array) {
  const { S, inner, outer, layout } = test;
  const y = product(layout === 'oi' ? 'nt' : 'nn', x, weight, { m: S, n: outer, k: inner });
  return bias ? y.map((value, i) => value + bias[i % outer]) : y;
}

function build(graph: GraphBuilder, test: Case, trainable: boolean) {
  const x = differentiable(graph, 'x', [test.S, test.inner]);
  const weight = graph.parameter('weight', weightShape(test), { trainable });
  const bias = test.bias ? graph.parameter('bias', [test.outer], { trainable }) : undefined;
  return [linear(graph, 'y', x, { weight, bias, layout: test.layout })];
}

async function check(test: Case): Promise<void> {
  const { S, inner, outer, layout } = test;
  const x = randomArray(S * inner, 1);
  const weight = randomArray(inner * outer, 2);
  const bias = test.bias ? randomArray(outer, 3) : undefined;
  const dy = randomArray(S * outer, 4);
  const { values, gradients } = await runOp({
    build: graph => build(graph, test, true),
    data: { x, weight, ...(bias ? { bias } : {}) },
    upstream: { y: dy },
  });
  const name = JSON.stringify(test);
  assert.ok(relativeError(values.y, reference(test, x, weight, bias)) < 2e-6, `y ${name}`);
  const dx = product(layout === 'oi' ? 'nn' : 'nt', dy, weight, { m: S, n: inner, k: outer });
  assert.ok(relativeError(gradients.x, dx) < 2e-6, `dx ${name}`);
  const [first, second] = layout === 'oi' ? [dy, x] : [x, dy];
  const [m, n] = weightShape(test);
  assert.ok(relativeError(gradients.weight, product('tn', first, second, { m, n, k: S })) < 2e-6, `dW ${name}`);
  if (!bias) return;
  const db = bias.map((_, column) => dy.reduce((sum, v, i) => (i % outer === column ? sum + v : sum), 0));
  assert.ok(relativeError(gradients.bias, db) < 1e-5, `db ${name}`);
}

describe('linear', () => {
  for (const layout of ['oi', 'io'] as const)
    it(`${layout}: output and all gradients at awkward sizes`, async () => {
      for (const [S, inner, outer] of [
        [1, 1, 1],
        [3, 63, 65],
        [65, 64, 12],
        [130, 20, 36],
      ])
        for (const bias of [false, true]) await check({ S, inner, outer, layout, bias });
    });

  it('agrees with finite differences of the loss', async () => {
    const test: Case = { S: 3, inner: 5, outer: 4, layout: 'oi', bias: true };
    const data = { x: randomArray(15, 1), weight: randomArray(20, 2), bias: randomArray(4, 3) };
    const dy = randomArray(12, 4);
    const { gradients } = await runOp({ build: graph => build(graph, test, true), data, upstream: { y: dy } });
    const loss = (weight: Float64Array) =>
      reference(test, data.x, weight, data.bias).reduce((sum, v, i) => sum + v * dy[i], 0);
    data.weight.forEach((_, at) => {
      const shifted = (by: number) => loss(Float64Array.from(data.weight, (v, i) => (i === at ? v + by : v)));
      const slope = (shifted(1e-4) - shifted(-1e-4)) / 2e-4;
      assert.ok(Math.abs(slope - gradients.weight[at]) < 1e-5, `weight ${at}`);
    });
  });

  it('reads a frozen half-precision weight and gives it no gradient', async () => {
    const test: Case = { S: 9, inner: 16, outer: 24, layout: 'oi', bias: false };
    const x = randomArray(9 * 16, 1);
    const weight = randomArray(16 * 24, 2);
    const dy = randomArray(9 * 24, 3);
    const { values, gradients } = await runOp({
      build: graph => {
        const frozen = graph.parameter('weight', [24, 16], { dtype: 'f16' });
        return [linear(graph, 'y', differentiable(graph, 'x', [9, 16]), { weight: frozen, layout: 'oi' })];
      },
      data: { x, weight: packHalf(weight) },
      upstream: { y: dy },
    });
    const rounded = weight.map(roundHalf);
    assert.ok(relativeError(values.y, reference(test, x, rounded)) < 2e-6);
    assert.ok(relativeError(gradients.x, product('nn', dy, rounded, { m: 9, n: 16, k: 24 })) < 2e-6);
    assert.equal('weight' in gradients, false);
    assert.ok(relativeError(values.y, reference(test, x, weight)) > 1e-5, 'rounding to half must show');
  });

  it('adds up over micro-batches', async () => {
    const test: Case = { S: 5, inner: 4, outer: 8, layout: 'io', bias: true };
    const data = { x: randomArray(20, 1), weight: randomArray(32, 2), bias: randomArray(8, 3) };
    const options = {
      build: (graph: GraphBuilder) => build(graph, test, true),
      data,
      upstream: { y: randomArray(40, 4) },
    };
    const once = await runOp(options);
    const thrice = await runOp({ ...options, repeats: 3 });
    assert.ok(
      relativeError(
        thrice.gradients.weight,
        once.gradients.weight.map(v => 3 * v),
      ) < 1e-6,
    );
    assert.ok(
      relativeError(
        thrice.gradients.bias,
        once.gradients.bias.map(v => 3 * v),
      ) < 1e-6,
    );
  });

  it('a weight of the wrong shape is refused', () => {
    const graph = new GraphBuilder();
    const [x, weight] = [graph.value('x', [3, 4]), graph.parameter('weight', [4, 5])];
    assert.throws(() => linear(graph, 'y', x, { weight, layout: 'oi' }), /does not fit an input of width 4/);
  });
});
