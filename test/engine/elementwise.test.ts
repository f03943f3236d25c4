import { strict as assert } from 'node:assert';
import type { GraphBuilder } from '../../webview/engine/graph/builder';
import type { Tensor } from '../../webview/engine/graph/tensor';
import { gelu, relu, silu, tanh } from '../../webview/engine/ops/activation';
import { siluGate } from '../../webview/engine/ops/gatedMlp';
import { agrees } from './differences';
import { differentiable, randomArray, runOp } from './harness';

/** erf by its series, and by the continued fraction of erfc where that cancels. */
function erf(x: number): number {
  const a = Math.abs(x);
  if (a < 2.5) {
    let term = a;
    let sum = a;
    for (let n = 1; n < 80; n++) {
      term *= -(a * a) / n;
      sum += term / (2 * n + 1);
    }
    return (Math.sign(x) * 2 * sum) / Math.sqrt(Math.PI);
  }
  let fraction = 0;
  for (let n = 60; n > 0; n--) fraction = n / 2 / (a + fraction);
  return Math.sign(x) * (1 - Math.exp(-a * a) / ((a + fraction) * Math.sqrt(Math.PI)));
}

const functions: Record<string, { op: (g: GraphBuilder, x: Tensor) => Tensor; at: (x: number) => number }> = {
  'GELU (tanh)': {
    op: (g, x) => gelu(g, 'y', x, 'tanh'),
    at: x => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  },
  'GELU (erf)': { op: (g, x) => gelu(g, 'y', x, 'erf'), at: x => 0.5 * x * (1 + erf(x / Math.SQRT2)) },
  SiLU: { op: (g, x) => silu(g, 'y', x), at: x => x / (1 + Math.exp(-x)) },
  tanh: { op: (g, x) => tanh(g, 'y', x), at: x => Math.tanh(x) },
  ReLU: { op: (g, x) => relu(g, 'y', x), at: x => Math.max(0, x) },
};

async function runActivation(name: string, x: Float32Array, width: number) {
  const up = randomArray(x.length, 9).map(v => v + 1.5);
  const shape = [x.length / width, width];
  const result = await runOp({
    build: graph => [functions[name].op(graph, differentiable(graph, 'x', shape))],
    data: { x },
    upstream: { y: up },
  });
  return { up, value: result.values.y, gradients: result.gradients };
}

describe('elementwise functions', () => {
  for (const name of Object.keys(functions)) {
    for (const [rows, width] of [
      [1, 1],
      [3, 63],
      [65, 16],
    ])
      it(`${name} of [${rows}, ${width}]`, async () => {
        const x = randomArray(rows * width, 1, 4);
        const reference = ({ x: values }: Record<string, Float64Array>) => values.map(functions[name].at);
        agrees({ reference, inputs: { x }, tolerance: 3e-6, ...(await runActivation(name, x, width)) });
      });
    it(`${name} far from zero stays finite`, async () => {
      const x = Float32Array.of(-1e30, -1e4, -90, -20, -6, -1e-20, 0, 1e-20, 6, 20, 90, 1e4, 1e30);
      const { value, gradients, up } = await runActivation(name, x, 13);
      value.forEach((v, i) =>
        assert.ok(Math.abs(v - functions[name].at(x[i])) <= 1e-6 * Math.abs(x[i]) + 2e-2, `${x[i]}`),
      );
      gradients.x.forEach((v, i) => {
        const slope = x[i] < 0 || name === 'tanh' ? 0 : up[i];
        if (Math.abs(x[i]) >= 20) assert.ok(Math.abs(v - slope) < 1e-5, `slope at ${x[i]}: ${v}`);
      });
    });
  }

  it('erf is good to 2e-7', async () => {
    const x = Float32Array.from({ length: 1024 }, (_, i) => (i - 512) / 80);
    const { value } = await runActivation('GELU (erf)', x, 32);
    value.forEach((v, i) => {
      if (Math.abs(x[i]) < 0.1) return;
      const got = (2 * v) / x[i] - 1;
      assert.ok(Math.abs(got - erf(x[i] / Math.SQRT2)) < 2e-7, `erf(${x[i]}/√2) = ${got}`);
    });
  });

  for (const width of [5, 64])
    for (const trained of [['gate', 'up'], ['gate'], ['up']])
      it(`SiLU gate of width ${width}, gradients for ${trained.join(' and ')}`, async () => {
        const gate = randomArray(7 * width, 1, 4);
        const up = randomArray(7 * width, 2);
        const upstream = randomArray(7 * width, 3);
        const make = (graph: GraphBuilder, name: string) =>
          trained.includes(name) ? differentiable(graph, name, [7, width]) : graph.parameter(name, [7, width]);
        const result = await runOp({
          build: graph => [siluGate(graph, 'y', make(graph, 'gate'), make(graph, 'up'))],
          data: { gate, up },
          upstream: { y: upstream },
        });
        assert.deepEqual(Object.keys(result.gradients).sort(), trained);
        agrees({
          reference: inputs => inputs.gate.map((v, i) => (v / (1 + Math.exp(-v))) * inputs.up[i]),
          inputs: { gate, up },
          up: upstream,
          value: result.values.y,
          gradients: result.gradients,
          tolerance: 3e-6,
        });
      });

  it('would notice the other GELU', async () => {
    const x = randomArray(64, 1, 4);
    const reference = ({ x: values }: Record<string, Float64Array>) => values.map(functions['GELU (erf)'].at);
    const result = await runActivation('GELU (tanh)', x, 64);
    assert.throws(() => agrees({ reference, inputs: { x }, tolerance: 3e-6, ...result }), /value is off/);
  });
});
