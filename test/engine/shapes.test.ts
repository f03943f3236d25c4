import { strict as assert } from 'node:assert';
import { rotaryTables } from '../../webview/engine/model/rotaryTables';
import { rope } from '../../webview/engine/ops/rope';
import { split } from '../../webview/engine/ops/split';
import { agrees } from './differences';
import { differentiable, randomArray, runOp } from './harness';

/** rotate_half: a head (a, b) of two halves turns into (a·cos − b·sin, b·cos + a·sin). */
function rotated(x: Float64Array, positions: Uint32Array, headDim: number, theta: number): Float64Array {
  const half = headDim / 2;
  return x.map((value, i) => {
    const width = x.length / positions.length;
    const within = i % headDim;
    const pair = within % half;
    const angle = positions[Math.floor(i / width)] * theta ** ((-2 * pair) / headDim);
    const other = within < half ? -x[i + half] : x[i - half];
    return value * Math.cos(angle) + other * Math.sin(angle);
  });
}

async function runRope(heads: number, headDim: number, repeats = 1) {
  const positions = Uint32Array.of(0, 1, 2, 300, 0, 7);
  const rows = positions.length;
  const x = randomArray(rows * heads * headDim, 1);
  const up = randomArray(x.length, 2);
  const { cos, sin } = rotaryTables(301, headDim, 10000);
  const result = await runOp({
    build: graph => {
      const at = graph.input('positions', [rows]);
      const table = (name: string) => graph.parameter(name, [301, headDim / 2]);
      const turned = differentiable(graph, 'x', [rows, heads * headDim]);
      return [rope(graph, 'y', turned, at, { heads, headDim, cos: table('cos'), sin: table('sin') })];
    },
    data: { x, positions, cos, sin },
    upstream: { y: up },
    repeats,
  });
  return { x, up, positions, value: result.values.y, gradients: result.gradients };
}

describe('rotary embedding', () => {
  for (const [heads, headDim] of [
    [1, 2],
    [3, 6],
    [2, 64],
    [9, 16],
  ])
    it(`turns ${heads} heads of ${headDim}`, async () => {
      const { x, positions, ...rest } = await runRope(heads, headDim);
      const reference = (inputs: Record<string, Float64Array>) => rotated(inputs.x, positions, headDim, 10000);
      agrees({ reference, inputs: { x }, tolerance: 3e-5, ...rest });
    });

  it('would notice another base', async () => {
    const { x, positions, ...rest } = await runRope(2, 64);
    const reference = (inputs: Record<string, Float64Array>) => rotated(inputs.x, positions, 64, 50000);
    assert.throws(() => agrees({ reference, inputs: { x }, tolerance: 3e-5, ...rest }), /value is off/);
  });
});

describe('split', () => {
  for (const widths of [[1], [8, 4, 12], [3, 1, 61], [64, 64, 64]])
    it(`cuts columns ${widths.join(' + ')} and joins their gradients`, async () => {
      const rows = 5;
      const width = widths.reduce((a, b) => a + b, 0);
      const x = randomArray(rows * width, 1);
      const upstream = Object.fromEntries(widths.map((w, i) => [`y.${i}`, randomArray(rows * w, 2 + i)]));
      const result = await runOp({
        build: graph => split(graph, 'y', differentiable(graph, 'x', [rows, width]), widths),
        data: { x },
        upstream,
      });
      const joined = new Float32Array(rows * width);
      let first = 0;
      widths.forEach((w, i) => {
        for (let r = 0; r < rows; r++) {
          const cut = x.subarray(r * width + first, r * width + first + w);
          assert.deepEqual(result.values[`y.${i}`].subarray(r * w, (r + 1) * w), cut);
          joined.set(upstream[`y.${i}`].subarray(r * w, (r + 1) * w), r * width + first);
        }
        first += w;
      });
      assert.deepEqual(result.gradients.x, joined);
    });

  it('refuses widths that do not add up', async () => {
    const build = runOp({
      build: graph => split(graph, 'c_attn', differentiable(graph, 'x', [2, 9]), [4, 4]),
      data: {},
    });
    await assert.rejects(build, /9 columns cannot be split into 4 \+ 4/);
  });
});
