import { strict as assert } from 'node:assert';
import { emitEffectiveRank } from '../../webview/engine/ops/effectiveRank';
import { emitTripletNorm } from '../../webview/engine/ops/tripletNorm';
import { product } from './denseReference';
import { runEmit } from './emitters';
import { randomArray } from './harness';

const profiles = ['software', 'gpu'] as const;

interface Shape {
  readonly rank: number;
  readonly inputs: number;
  readonly outputs: number;
}

async function measure({ rank, inputs, outputs }: Shape, a: Float32Array, b: Float32Array): Promise<number> {
  const found = await Promise.all(
    profiles.map(async profile => {
      const { out } = await runEmit({
        data: { a, b, out: Float32Array.of(9, 9, 9) },
        shapes: { a: [rank, inputs], b: [outputs, rank] },
        profile,
        emit: (emit, t) => emitEffectiveRank(emit, t.a, t.b, t.out, 1),
      });
      assert.deepEqual([out[0], out[2]], [9, 9]);
      return out[1];
    }),
  );
  assert.ok(Math.abs(found[0] - found[1]) <= 1e-4 * found[0]);
  return found[0];
}

/** (Σσ²)²/Σσ⁴ of the formed product: ‖ΔW‖_F⁴ / ‖ΔW·ΔWᵀ‖_F². */
function reference({ rank, inputs, outputs }: Shape, a: Float32Array, b: Float32Array): number {
  const update = product('nn', b, a, { m: outputs, n: inputs, k: rank });
  const gram = product('nt', update, update, { m: outputs, n: outputs, k: inputs });
  const squares = (values: Float64Array) => values.reduce((sum, value) => sum + value * value, 0);
  return squares(update) ** 2 / squares(gram);
}

describe('effective rank', () => {
  for (const shape of [
    { rank: 1, inputs: 5, outputs: 3 },
    { rank: 4, inputs: 65, outputs: 33 },
    { rank: 17, inputs: 40, outputs: 70 },
  ])
    it(`of a random product ${JSON.stringify(shape)}`, async () => {
      const a = randomArray(shape.rank * shape.inputs, 1);
      const b = randomArray(shape.outputs * shape.rank, 2).map((value, k) => value * (1 + (k % shape.rank)));
      for (const scale of [1, 1e-6]) {
        const found = await measure(
          shape,
          a,
          b.map(value => scale * value),
        );
        assert.ok(Math.abs(found / reference(shape, a, b) - 1) < 1e-4);
        assert.ok(found >= 1 - 1e-5 && found <= shape.rank + 1e-4);
      }
    });

  it('counts equal orthogonal directions, and is 0 for no update', async () => {
    const shape = { rank: 4, inputs: 6, outputs: 5 };
    const a = Float32Array.from({ length: 24 }, (_, k) => (k % 6 === Math.floor(k / 6) ? 2 : 0));
    const unit = Float32Array.from({ length: 20 }, (_, k) => (k % 4 === Math.floor(k / 4) && k % 4 < 3 ? 0.5 : 0));
    assert.ok(Math.abs((await measure(shape, a, unit)) - 3) < 1e-5);
    assert.equal(await measure(shape, a, new Float32Array(20)), 0);
  });
});

describe('size of an update in triplets', () => {
  it('is the norm of scale·B·diag(E)·A', async () => {
    const [rank, inputs, outputs] = [5, 33, 20];
    const [a, b, e] = [randomArray(rank * inputs, 3), randomArray(outputs * rank, 4), randomArray(rank, 5)];
    const gated = b.map((value, k) => value * e[k % rank]);
    const update = product('nn', gated, a, { m: outputs, n: inputs, k: rank });
    for (const profile of profiles) {
      const { out } = await runEmit({
        data: { a, b, e, out: new Float32Array(2) },
        shapes: { a: [rank, inputs], b: [outputs, rank], e: [rank, 1] },
        profile,
        emit: (emit, t) => emitTripletNorm(emit, { a: t.a, b: t.b, e: t.e, scale: 1.5 }, t.out, 1),
      });
      assert.ok(Math.abs(out[1] / (1.5 * Math.hypot(...update)) - 1) < 1e-5);
      assert.equal(out[0], 0);
    }
  });
});
