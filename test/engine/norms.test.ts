import { strict as assert } from 'node:assert';
import type { GraphBuilder } from '../../webview/engine/graph/builder';
import type { Tensor } from '../../webview/engine/graph/tensor';
import { layerNorm } from '../../webview/engine/ops/layerNorm';
import { rmsNorm } from '../../webview/engine/ops/rmsNorm';
import { agrees, type Reference } from './differences';
import { differentiable, randomArray, relativeError, runOp } from './harness';

const eps = 1e-5;
const sizes = [
  [1, 3],
  [3, 4],
  [65, 63],
  [130, 65],
  [70, 256],
] as const;

/** Applies `row` to each row of x. */
function byRow(x: Float64Array, width: number, row: (values: Float64Array) => Float64Array): Float64Array {
  const y = new Float64Array(x.length);
  for (let first = 0; first < x.length; first += width) y.set(row(x.subarray(first, first + width)), first);
  return y;
}

function rmsReference(width: number): Reference {
  return ({ x, weight }) =>
    byRow(x, width, row => {
      const rms = Math.sqrt(row.reduce((s, u) => s + u * u, 0) / width + eps);
      return row.map((v, c) => (v / rms) * weight[c]);
    });
}

function layerReference(width: number): Reference {
  return ({ x, weight, bias }) =>
    byRow(x, width, row => {
      const mean = row.reduce((s, u) => s + u, 0) / width;
      const variance = row.reduce((s, u) => s + (u - mean) ** 2, 0) / width;
      return row.map((v, c) => ((v - mean) / Math.sqrt(variance + eps)) * weight[c] + bias[c]);
    });
}

/** Rows far from zero: a variance taken as E[x²] − E[x]² would lose half its digits. */
function inputs(rows: number, width: number) {
  return {
    x: randomArray(rows * width, 1, 2).map(v => v + 5),
    weight: randomArray(width, 2).map(v => v + 1.5),
    bias: randomArray(width, 3),
  };
}

const parameter = (graph: GraphBuilder, name: string, width: number) =>
  graph.parameter(name, [width], { trainable: true });

async function runNorm(rows: number, width: number, build: (graph: GraphBuilder, x: Tensor) => Tensor) {
  const data = inputs(rows, width);
  const up = randomArray(rows * width, 4);
  const build2 = (graph: GraphBuilder) => [build(graph, differentiable(graph, 'x', [rows, width]))];
  const result = await runOp({ build: build2, data, upstream: { y: up } });
  return { data, up, value: result.values.y, gradients: result.gradients };
}

const rms = (width: number) => (graph: GraphBuilder, x: Tensor) =>
  rmsNorm(graph, 'y', x, parameter(graph, 'weight', width), eps);
const layer = (width: number) => (graph: GraphBuilder, x: Tensor) =>
  layerNorm(graph, 'y', x, parameter(graph, 'weight', width), parameter(graph, 'bias', width), eps);

describe('norms', () => {
  for (const [rows, width] of sizes) {
    it(`RMSNorm of ${rows} rows of ${width}`, async () => {
      const { data, up, value, gradients } = await runNorm(rows, width, rms(width));
      const { x, weight } = data;
      agrees({ reference: rmsReference(width), inputs: { x, weight }, up, value, gradients, tolerance: 2e-5 });
    });
    it(`LayerNorm of ${rows} rows of ${width}`, async () => {
      const { data, up, value, gradients } = await runNorm(rows, width, layer(width));
      agrees({ reference: layerReference(width), inputs: data, up, value, gradients, tolerance: 1e-4 });
    });
  }

  for (const width of [6, 65, 128])
    it(`frozen half-precision weights of ${width} columns`, async () => {
      const x = randomArray(3 * width, 5);
      const up = randomArray(3 * width, 6);
      const weight = Float32Array.from({ length: width }, (_, i) => (i % 8) / 4 - 1);
      const words = new Uint32Array(Math.ceil(width / 2));
      weight.forEach((value, i) => (words[i >> 1] |= half(value) << (16 * (i & 1))));
      const result = await runOp({
        build: graph => {
          const packed = graph.parameter('weight', [width], { dtype: 'f16' });
          return [rmsNorm(graph, 'y', differentiable(graph, 'x', [3, width]), packed, eps)];
        },
        data: { x, weight: words },
        upstream: { y: up },
      });
      const gradients = { x: result.gradients.x };
      const reference = rmsReference(width);
      agrees({ reference, inputs: { x, weight }, up, value: result.values.y, gradients, tolerance: 2e-5 });
    });

  it('adds to gradients that are already there', async () => {
    const data = inputs(70, 64);
    const up = randomArray(70 * 64, 4);
    const build = (graph: GraphBuilder) => {
      const x = differentiable(graph, 'x', [70, 64]);
      const weight = parameter(graph, 'weight', 64);
      const other = parameter(graph, 'other', 64);
      const bias = parameter(graph, 'bias', 64);
      return [rmsNorm(graph, 'y', x, weight, eps), layerNorm(graph, 'z', x, other, bias, eps)];
    };
    const all = { ...data, other: data.weight };
    const once = await runOp({ build, data: all, upstream: { y: up, z: up } });
    const twice = await runOp({ build, data: all, upstream: { y: up, z: up }, repeats: 2 });
    const [y, z] = await Promise.all([runNorm(70, 64, rms(64)), runNorm(70, 64, layer(64))]);
    const sum = y.gradients.x.map((v, i) => v + z.gradients.x[i]);
    assert.ok(relativeError(once.gradients.x, sum) < 1e-5);
    for (const name of ['x', 'weight', 'other', 'bias'])
      assert.ok(
        relativeError(
          twice.gradients[name],
          once.gradients[name].map(v => 2 * v),
        ) < 1e-6,
        name,
      );
  });

  it('would notice a norm without its mean', async () => {
    const { data, up, value, gradients } = await runNorm(3, 64, rms(64));
    const check = { inputs: data, up, value, gradients, tolerance: 1e-4 };
    assert.throws(() => agrees({ ...check, reference: layerReference(64) }), /value is off/);
  });
});

/** The half-precision bits of a multiple of 1/4 in [-1, 1]. */
function half(value: number): number {
  if (value === 0) return 0;
  const exponent = Math.floor(Math.log2(Math.abs(value)));
  const fraction = Math.abs(value) / 2 ** exponent - 1;
  return (value < 0 ? 0x8000 : 0) | ((exponent + 15) << 10) | (fraction * 1024);
}
