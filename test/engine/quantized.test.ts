import { strict as assert } from 'node:assert';
import { blockSizes, type BlockFormat } from '../../webview/engine/formats/blockFormat';
import { codeTables } from '../../webview/engine/formats/codebook';
import { packBlocks, unpackBlocks } from '../../webview/engine/formats/packedMatrix';
import type { GraphBuilder } from '../../webview/engine/graph/builder';
import type { Tensor } from '../../webview/engine/graph/tensor';
import { copyInto } from '../../webview/engine/ops/accumulate';
import { denseRows, eachDense } from '../../webview/engine/ops/dequantize';
import { linear } from '../../webview/engine/ops/linear';
import { loraLinear } from '../../webview/engine/ops/loraLinear';
import { product } from './denseReference';
import { differentiable, randomArray, relativeError, runOp, type Data } from './harness';

const formats: readonly BlockFormat[] = (['nf4', 'fp4', 'int8'] as const).flatMap(kind =>
  [true, false].map(nested => ({ kind, blockSize: 64, nested })),
);

function packed(graph: GraphBuilder, shape: readonly [number, number], format: BlockFormat): Tensor {
  const tables = graph.parameter('tables', [codeTables.length]);
  return graph.parameter('weight', shape, { dtype: format, tables });
}

function packedData(values: Float32Array, format: BlockFormat): Data {
  return { tables: codeTables, weight: packBlocks(values, format) };
}

/** The weight as the kernels unpack it, copied out before its scratch is used again. */
async function unpacked(shape: readonly [number, number], values: Float32Array, format: BlockFormat) {
  const { values: found } = await runOp({
    build: graph => {
      const weight = packed(graph, shape, format);
      const out = graph.value('out', shape);
      graph.add({
        name: 'unpack',
        kind: 'unpack',
        inputs: [weight],
        outputs: [out],
        saves: () => [],
        forward: emit => eachDense(emit, weight, ({ tensor }) => copyInto(emit, out, tensor)),
      });
      return [out];
    },
    data: packedData(values, format),
  });
  return found.out;
}

interface Case {
  readonly S: number;
  readonly inner: number;
  readonly outer: number;
  readonly format: BlockFormat;
  readonly bias: boolean;
}

async function checkLinear({ S, inner, outer, format, bias: withBias }: Case): Promise<void> {
  const x = randomArray(S * inner, 1);
  const weight = randomArray(inner * outer, 2, 0.1);
  const bias = randomArray(outer, 3);
  const dy = randomArray(S * outer, 4);
  const { values, gradients } = await runOp({
    build: graph => [
      linear(graph, 'y', differentiable(graph, 'x', [S, inner]), {
        weight: packed(graph, [outer, inner], format),
        bias: withBias ? graph.parameter('bias', [outer]) : undefined,
        layout: 'oi',
      }),
    ],
    data: { x, ...(withBias ? { bias } : {}), ...packedData(weight, format) },
    upstream: { y: dy },
  });
  const seen = unpackBlocks(packBlocks(weight, format), weight.length, format);
  const name = JSON.stringify({ S, inner, outer, format });
  const y = product('nt', x, seen, { m: S, n: outer, k: inner }).map((v, i) => v + (withBias ? bias[i % outer] : 0));
  assert.ok(relativeError(values.y, y) < 3e-6, `y ${name}`);
  const dx = product('nn', dy, seen, { m: S, n: inner, k: outer });
  assert.ok(relativeError(gradients.x, dx) < 3e-6, `dx ${name}`);
  assert.deepEqual(Object.keys(gradients), ['x'], 'packed weights get no gradient');
  assert.ok(relativeError(values.y, product('nt', x, weight, { m: S, n: outer, k: inner })) > 1e-4, 'codes must show');
}

describe('a packed weight', () => {
  for (const format of formats)
    it(`unpacks ${format.kind}${format.nested ? ' with nested scales' : ''} to what its codec says`, async () => {
      for (const shape of [
        [24, 64],
        [3, 5],
        [1, 1],
        [7, 129],
        [40, 1024],
      ] as const) {
        const values = randomArray(shape[0] * shape[1], 5, 0.3);
        const found = await unpacked(shape, values, format);
        const expected = unpackBlocks(packBlocks(values, format), values.length, format);
        // A driver may fuse the product and the sum of a nested scale, which rounds once less.
        if (format.nested) assert.ok(relativeError(found, expected) < 3e-7, shape.join(' x '));
        else assert.deepEqual([...found], [...expected], shape.join(' x '));
      }
    });

  it('unpacks every block size', async () => {
    for (const blockSize of blockSizes) {
      const format: BlockFormat = { kind: 'nf4', blockSize, nested: false };
      const values = randomArray(9 * 1000, blockSize);
      const expected = unpackBlocks(packBlocks(values, format), values.length, format);
      assert.deepEqual([...(await unpacked([9, 1000], values, format))], [...expected], String(blockSize));
    }
  });

  it('multiplies forward and backward at awkward sizes', async () => {
    for (const format of formats)
      for (const [S, inner, outer] of [
        [1, 1, 3],
        [5, 63, 65],
        [33, 64, 36],
      ])
        await checkLinear({ S, inner, outer, format, bias: S > 1 });
  });

  it('larger than the scratch is unpacked in parts of whole rows', async () => {
    const shape = { inner: 2048, outer: 2100 };
    const format: BlockFormat = { kind: 'nf4', blockSize: 64, nested: true };
    const parts = denseRows({ id: 1, name: 'w', shape: [shape.outer, shape.inner], dtype: format, role: 'parameter' });
    assert.ok(parts.length > 1);
    assert.equal(
      parts.reduce((sum, part) => sum + part.rows, 0),
      shape.outer,
    );
    assert.ok(parts.every(part => part.rows * shape.inner * 4 <= 16 * 2 ** 20 && part.firstRow % 32 === 0));
    await checkLinear({ S: 1, ...shape, format, bias: true });
  }).timeout(120_000);

  it('carries a LoRA adapter that sees the unpacked values', async () => {
    const [S, inner, outer, r, scale] = [9, 40, 24, 4, 2];
    const format: BlockFormat = { kind: 'nf4', blockSize: 64, nested: true };
    const data = {
      x: randomArray(S * inner, 1),
      a: randomArray(r * inner, 4),
      b: randomArray(outer * r, 5),
    };
    const weight = randomArray(inner * outer, 2);
    const dy = randomArray(S * outer, 6);
    const { values, gradients } = await runOp({
      build: graph => {
        const x = differentiable(graph, 'x', [S, inner]);
        const base = { weight: packed(graph, [outer, inner], format), layout: 'oi' as const };
        const a = graph.parameter('a', [r, inner], { trainable: true });
        const b = graph.parameter('b', [outer, r], { trainable: true });
        return [loraLinear(graph, 'y', x, base, { a, b, scale, dropout: 0, dropoutKey: 1 })];
      },
      data: { ...data, ...packedData(weight, format) },
      upstream: { y: dy },
    });
    const seen = unpackBlocks(packBlocks(weight, format), weight.length, format);
    const u = product('nt', data.x, data.a, { m: S, n: r, k: inner });
    const low = product('nt', u, data.b, { m: S, n: outer, k: r });
    const y = product('nt', data.x, seen, { m: S, n: outer, k: inner }).map((v, i) => v + scale * low[i]);
    const v = product('nn', dy, data.b, { m: S, n: r, k: outer }).map(value => scale * value);
    const through = product('nn', v, data.a, { m: S, n: inner, k: r });
    const dx = product('nn', dy, seen, { m: S, n: inner, k: outer }).map((value, i) => value + through[i]);
    assert.ok(relativeError(values.y, y) < 3e-6);
    assert.ok(relativeError(gradients.x, dx) < 3e-6);
    assert.ok(relativeError(gradients.a, product('tn', v, data.x, { m: r, n: inner, k: S })) < 3e-6);
  });
});
