import { strict as assert } from 'node:assert';
import { add } from '../../webview/engine/ops/add';
import { dropout } from '../../webview/engine/ops/dropout';
import { keep } from '../../webview/engine/ops/dropoutHash';
import { stepWords } from '../../webview/engine/runtime/kernel';
import { differentiable, randomArray, relativeError, runOp } from './harness';

function seeded(seed: number): Uint32Array {
  const words = new Uint32Array(stepWords);
  words[1] = seed;
  return words;
}

function run(rate: number, key: number, seed: number, count = 1000) {
  const ones = new Float32Array(count).fill(1);
  return runOp({
    build: graph => [dropout(graph, 'y', differentiable(graph, 'x', [1, count]), { rate, key })],
    data: { x: ones },
    upstream: { y: ones },
    step: seeded(seed),
  });
}

describe('dropout', () => {
  for (const [rate, key, seed] of [
    [0.1, 0, 0],
    [0.5, 3, 0xdeadbeef],
    [0.9, 0xffffffff, 1],
  ])
    it(`draws the mask of rate ${rate}, key ${key}, seed ${seed} bit for bit, forward and backward`, async () => {
      const { values, gradients } = await run(rate, key, seed);
      const kept = Float32Array.from(values.y, (_, i) => (keep(seed, key, i, rate) ? Math.fround(1 / (1 - rate)) : 0));
      assert.deepEqual(values.y, kept);
      assert.deepEqual(gradients.x, kept);
    });

  it('keeps the mean, and shares nothing between keys and seeds', () => {
    const count = 200_000;
    const bits = (seed: number, key: number) =>
      Array.from({ length: count }, (_, i) => (keep(seed, key, i, 0.3) ? 1 : 0));
    const base = bits(5, 1);
    const mean = base.reduce((a: number, b) => a + b, 0) / count;
    assert.ok(Math.abs(mean - 0.7) < 0.005, `mean ${mean}`);
    for (const [seed, key] of [
      [5, 2],
      [6, 1],
      [4, 0],
    ]) {
      const other = bits(seed, key);
      const both = base.reduce((sum: number, bit, i) => sum + bit * other[i], 0) / count;
      assert.ok(Math.abs(both - 0.49) < 0.005, `seed ${seed}, key ${key}: ${both}`);
    }
    const next = base.reduce((sum: number, bit, i) => sum + bit * (base[i + 1] ?? 0), 0) / count;
    assert.ok(Math.abs(next - 0.49) < 0.005, `neighbours: ${next}`);
  });

  it('lets everything pass outside training', async () => {
    const x = randomArray(100, 4);
    const { values } = await runOp({
      build: graph => [dropout(graph, 'y', graph.parameter('x', [1, 100]), { rate: 0.5, key: 1 })],
      data: { x },
      step: seeded(3),
    });
    assert.deepEqual(values.y, x);
  });

  it('a rate of 0 adds no node, and 1 is refused', async () => {
    const { values } = await runOp({
      build: graph => {
        const x = differentiable(graph, 'x', [1, 3]);
        assert.equal(dropout(graph, 'none', x, { rate: 0, key: 1 }), x);
        assert.throws(() => dropout(graph, 'all', x, { rate: 1, key: 1 }), /impossible/);
        return [x];
      },
      data: { x: Float32Array.of(1, 2, 3) },
    });
    assert.deepEqual(values['x.value'], Float32Array.of(1, 2, 3));
  });
});

describe('add', () => {
  for (const shape of [
    [1, 1],
    [3, 65],
    [7, 64],
  ])
    it(`adds [${shape.join(', ')}] and passes the gradient on`, async () => {
      const count = shape[0] * shape[1];
      const [a, b, up] = [randomArray(count, 1), randomArray(count, 2), randomArray(count, 3)];
      const result = await runOp({
        build: graph => [add(graph, 'y', differentiable(graph, 'a', shape), differentiable(graph, 'b', shape))],
        data: { a, b },
        upstream: { y: up },
      });
      const sum = a.map((v, i) => v + b[i]);
      assert.deepEqual(result.values.y, sum);
      assert.ok(relativeError(result.values.y, a) > 0.1, 'the second term counts');
      assert.deepEqual(result.gradients.a, up);
      assert.deepEqual(result.gradients.b, up);
    });
});
