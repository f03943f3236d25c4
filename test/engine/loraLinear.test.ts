import { strict as assert } from 'node:assert';
import type { GraphBuilder } from '../../webview/engine/graph/builder';
import { keep } from '../../webview/engine/ops/dropoutHash';
import { loraLinear } from '../../webview/engine/ops/loraLinear';
import { stepWords } from '../../webview/engine/runtime/kernel';
import { product } from './denseReference';
import { differentiable, randomArray, relativeError, runOp, type OpTest } from './harness';

interface Case {
  readonly S: number;
  readonly inner: number;
  readonly outer: number;
  readonly r: number;
  readonly layout: 'oi' | 'io';
  readonly dropout: number;
  /** Factors between a and b: none, one, or r. */
  readonly gates?: number;
}

const scale = 1.5;
const key = 77;
const seed = 12345;

function make(test: Case): { op: OpTest; data: Record<string, Float32Array>; dy: Float32Array } {
  const { S, inner, outer, r, layout, dropout, gates } = test;
  const data: Record<string, Float32Array> = {
    x: randomArray(S * inner, 1),
    weight: randomArray(inner * outer, 2),
    bias: randomArray(outer, 3),
    a: randomArray(r * inner, 4),
    b: randomArray(outer * r, 5),
    ...(gates ? { gate: randomArray(gates, 7, 2) } : {}),
  };
  const dy = randomArray(S * outer, 6);
  const build = (graph: GraphBuilder) => {
    const x = differentiable(graph, 'x', [S, inner]);
    const weight = graph.parameter('weight', layout === 'oi' ? [outer, inner] : [inner, outer]);
    const bias = graph.parameter('bias', [outer]);
    const a = graph.parameter('a', [r, inner], { trainable: true });
    const b = graph.parameter('b', [outer, r], { trainable: true });
    const gate = gates ? graph.parameter('gate', [gates], { trainable: true }) : undefined;
    return [loraLinear(graph, 'y', x, { weight, bias, layout }, { a, b, gate, scale, dropout, dropoutKey: key })];
  };
  const step = new Uint32Array(stepWords);
  step[1] = seed;
  return { op: { build, data, upstream: { y: dy }, step }, data, dy };
}

/** Output and gradients in f64, as PEFT's LoRA layer defines them. */
function reference(test: Case, data: Record<string, Float32Array>, dy: Float32Array) {
  const { S, inner, outer, r, layout, dropout } = test;
  const mask = Float64Array.from(data.x, (_, i) => (keep(seed, key, i, dropout) ? 1 / (1 - dropout) : 0));
  const dropped = Float64Array.from(data.x, (v, i) => v * mask[i]);
  const u = product('nt', dropped, data.a, { m: S, n: r, k: inner });
  const gates: ArrayLike<number> = data.gate ?? [1];
  const gated = (values: Float64Array) => values.map((value, i) => value * gates[(i % r) % gates.length]);
  const low = product('nt', gated(u), data.b, { m: S, n: outer, k: r });
  const base = product(layout === 'oi' ? 'nt' : 'nn', data.x, data.weight, { m: S, n: outer, k: inner });
  const v = product('nn', dy, data.b, { m: S, n: r, k: outer }).map(value => scale * value);
  const through = product('nn', gated(v), data.a, { m: S, n: inner, k: r });
  const direct = product(layout === 'oi' ? 'nn' : 'nt', dy, data.weight, { m: S, n: inner, k: outer });
  const gate = new Float64Array(gates.length);
  v.forEach((value, i) => (gate[(i % r) % gates.length] += value * u[i]));
  return {
    ...(data.gate ? { gate } : {}),
    y: base.map((value, i) => value + data.bias[i % outer] + scale * low[i]),
    a: product('tn', gated(v), dropped, { m: r, n: inner, k: S }),
    b: product('tn', dy, gated(u), { m: outer, n: r, k: S }).map(value => scale * value),
    x: direct.map((value, i) => value + through[i] * mask[i]),
  };
}

async function check(test: Case): Promise<void> {
  const { op, data, dy } = make(test);
  const { values, gradients } = await runOp(op);
  const expected = reference(test, data, dy);
  const name = JSON.stringify(test);
  assert.ok(relativeError(values.y, expected.y) < 3e-6, `y ${name}`);
  const { y: _, ...slopes } = expected;
  for (const [tensor, slope] of Object.entries(slopes))
    assert.ok(relativeError(gradients[tensor], slope) < 3e-6, `d${tensor} ${name}`);
  assert.deepEqual(Object.keys(gradients).sort(), Object.keys(slopes).sort(), 'the frozen base gets no gradient');
}

describe('lora linear', () => {
  for (const layout of ['oi', 'io'] as const)
    it(`${layout}: output and gradients at awkward sizes and ranks`, async () => {
      for (const [S, inner, outer, r] of [
        [1, 1, 1, 1],
        [3, 63, 65, 3],
        [65, 64, 36, 8],
        [130, 20, 64, 4],
        [9, 32, 24, 16],
      ])
        await check({ S, inner, outer, r, layout, dropout: 0 });
    });

  it('drops out the input of the adapter alone, with one mask forward and backward', async () => {
    await check({ S: 33, inner: 24, outer: 20, r: 4, layout: 'oi', dropout: 0.3 });
    await check({ S: 7, inner: 9, outer: 5, r: 2, layout: 'io', dropout: 0.5 });
  });

  it('drops nothing outside training', async () => {
    const test: Case = { S: 9, inner: 8, outer: 12, r: 4, layout: 'oi', dropout: 0.5 };
    const { op, data, dy } = make(test);
    const { values } = await runOp({ ...op, upstream: undefined });
    assert.ok(relativeError(values.y, reference({ ...test, dropout: 0 }, data, dy).y) < 3e-6);
    assert.ok(relativeError(values.y, reference(test, data, dy).y) > 1e-2);
  });

  it('gates: one per rank or one in all, forward and backward', async () => {
    for (const [S, inner, outer, r] of [
      [1, 1, 1, 1],
      [3, 63, 65, 3],
      [130, 20, 64, 4],
      [200, 32, 24, 12],
    ])
      for (const gates of [1, r])
        await check({ S, inner, outer, r, layout: gates === 1 ? 'oi' : 'io', dropout: gates === r ? 0.25 : 0, gates });
  });

  it('a closed gate leaves the base as it is, bit for bit, and still gets its gradient', async () => {
    const test: Case = { S: 17, inner: 12, outer: 20, r: 4, layout: 'oi', dropout: 0, gates: 4 };
    const { op, data } = make(test);
    const closed = await runOp({ ...op, data: { ...data, gate: new Float32Array(4) } });
    const without = await runOp({ ...op, data: { ...data, b: new Float32Array(80) } });
    assert.deepEqual(closed.values.y, without.values.y);
    assert.ok(closed.gradients.gate.every(value => value !== 0));
    assert.ok(closed.gradients.a.every(value => value === 0) && closed.gradients.b.every(value => value === 0));
  });

  it('agrees with finite differences of the loss', async () => {
    for (const gates of [undefined, 1, 2]) {
      const test: Case = { S: 3, inner: 5, outer: 4, r: 2, layout: 'oi', dropout: 0.25, gates };
      const { op, data, dy } = make(test);
      const { gradients } = await runOp(op);
      for (const tensor of ['a', 'b', 'x', ...(gates ? ['gate'] : [])])
        data[tensor].forEach((_, at) => {
          const loss = (by: number) => {
            const moved = { ...data, [tensor]: Float64Array.from(data[tensor], (v, i) => (i === at ? v + by : v)) };
            return reference(test, moved as never, dy).y.reduce((sum, v, i) => sum + v * dy[i], 0);
          };
          const slope = (loss(1e-4) - loss(-1e-4)) / 2e-4;
          assert.ok(Math.abs(slope - gradients[tensor][at]) < 1e-4, `${gates} gates: ${tensor} ${at}`);
        });
    }
  });

  it('a forgotten scale would be noticed', async () => {
    const test: Case = { S: 9, inner: 8, outer: 8, r: 4, layout: 'oi', dropout: 0 };
    const { op, data, dy } = make(test);
    const { gradients } = await runOp(op);
    const expected = reference(test, data, dy);
    assert.ok(
      relativeError(
        gradients.b,
        expected.b.map(v => v / scale),
      ) > 0.1,
    );
  });
});
