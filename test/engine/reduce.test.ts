import { strict as assert } from 'node:assert';
import { emitLoraImportance } from '../../webview/engine/ops/importance';
import { emitColumnSum, emitLongColumnSum, emitSum, emitSumSquares } from '../../webview/engine/ops/reduce';
import { runEmit } from './emitters';
import { randomArray, relativeError } from './harness';

const sum = (values: ArrayLike<number>) => Array.from(values).reduce((a, b) => a + b, 0);

describe('reductions', () => {
  for (const count of [1, 3, 63, 65, 1024, 4099, 20000])
    it(`sums ${count} values and their squares, beside and onto what is there`, async () => {
      const source = randomArray(count, count).map(v => v + 0.25);
      const out = Float32Array.of(7, 7, 7);
      const result = await runEmit({
        data: { source, out },
        emit: (emit, t) => {
          emitSum(emit, t.source, count, t.out, 0, false);
          emitSumSquares(emit, t.source, count, t.out, 2, true);
        },
      });
      assert.ok(Math.abs(result.out[0] / sum(source) - 1) < 1e-5);
      assert.equal(result.out[1], 7);
      assert.ok(Math.abs(result.out[2] / (7 + sum(source.map(v => v * v))) - 1) < 1e-5);
      assert.ok(Math.abs(result.out[0] / sum(source.map(v => v * v)) - 1) > 1e-3, 'the two sums differ');
    });

  it('reads no further than count', async () => {
    const data = { source: Float32Array.of(1, 2, 3, NaN), out: Float32Array.of(0) };
    const result = await runEmit({ data, emit: (emit, t) => emitSumSquares(emit, t.source, 3, t.out, 0, false) });
    assert.equal(result.out[0], 14);
  });

  for (const [rows, stride, offset, columns] of [
    [1, 3, 0, 3],
    [65, 63, 1, 5],
    [200, 16, 8, 8],
  ])
    it(`sums columns ${offset} to ${offset + columns} of [${rows}, ${stride}]`, async () => {
      const source = randomArray(rows * stride, 3);
      const expected = Float64Array.from({ length: columns }, (_, c) =>
        sum(Array.from({ length: rows }, (_row, r) => source[r * stride + offset + c])),
      );
      const start = new Float32Array(columns).fill(2);
      const result = await runEmit({
        data: { source, short: start, long: start },
        emit: (emit, t) => {
          const block = { tensor: t.source, rows, stride, offset, columns };
          emitColumnSum(emit, block, { tensor: t.short, accumulate: false });
          emitLongColumnSum(emit, block, { tensor: t.long, accumulate: true });
        },
      });
      assert.ok(relativeError(result.short, expected) < 1e-5);
      assert.ok(
        relativeError(
          result.long,
          expected.map(v => v + 2),
        ) < 1e-5,
      );
    });
});

describe('LoRA importance', () => {
  const shapes = [
    { rank: 1, inputs: 3, outputs: 5 },
    { rank: 8, inputs: 65, outputs: 64 },
    { rank: 17, inputs: 33, outputs: 130 },
  ];
  it('measures gradients and the product of the factors without forming it', async () => {
    const data: Record<string, Float32Array> = { output: new Float32Array(2 * shapes.length) };
    const dims: Record<string, number[]> = {};
    shapes.forEach(({ rank, inputs, outputs }, i) => {
      for (const name of ['a', 'ga']) {
        data[`${name}${i}`] = randomArray(rank * inputs, i + name.length);
        dims[`${name}${i}`] = [rank, inputs];
      }
      for (const name of ['b', 'gb']) {
        data[`${name}${i}`] = randomArray(outputs * rank, i + 10 * name.length);
        dims[`${name}${i}`] = [outputs, rank];
      }
    });
    const scale = 0.5;
    const { output } = await runEmit({
      data,
      shapes: dims,
      emit: (emit, t) => {
        const cells = shapes.map((_, i) => ({
          a: t[`a${i}`],
          b: t[`b${i}`],
          gradientA: t[`ga${i}`],
          gradientB: t[`gb${i}`],
          scale,
        }));
        emitLoraImportance(emit, cells, t.output);
      },
    });
    const norms = shapes.map((_, i) => Math.hypot(...data[`ga${i}`], ...data[`gb${i}`]));
    const products = shapes.map((shape, i) => scale * productNorm(data[`b${i}`], data[`a${i}`], shape));
    assert.ok(relativeError(output, [...norms, ...products]) < 1e-5);
    assert.ok(relativeError(output, [...products, ...norms]) > 1e-2, 'the two measures differ');
  });
});

function productNorm(
  b: Float32Array,
  a: Float32Array,
  { rank, inputs, outputs }: { rank: number; inputs: number; outputs: number },
): number {
  let squares = 0;
  for (let o = 0; o < outputs; o++)
    for (let i = 0; i < inputs; i++) {
      let product = 0;
      for (let r = 0; r < rank; r++) product += b[o * rank + r] * a[r * inputs + i];
      squares += product * product;
    }
  return Math.sqrt(squares);
}
