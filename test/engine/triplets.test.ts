import { strict as assert } from 'node:assert';
import { emitOrthogonality } from '../../webview/engine/ops/orthogonality';
import { emitAllocation, emitTripletMask } from '../../webview/engine/ops/tripletMask';
import { emitSensitivity } from '../../webview/engine/ops/tripletScores';
import { stepLayout, stepWords, type Profile } from '../../webview/engine/runtime/kernel';
import { product } from './denseReference';
import { differences } from './differences';
import { runEmit } from './emitters';
import { randomArray, relativeError } from './harness';

/** The Step uniform with numbers of the method, and clipping. */
function stepWith(method: readonly number[], maxNorm = 0): Uint32Array {
  const floats = new Float32Array(stepWords);
  floats[stepLayout.maxNorm] = maxNorm;
  floats.set(method, stepLayout.method);
  return new Uint32Array(floats.buffer);
}

interface Shape {
  readonly rank: number;
  readonly length: number;
  readonly along: 'rows' | 'columns';
}

/** ‖F·Fᵀ − I‖_F over rows, ‖Fᵀ·F − I‖_F over columns, in f64. */
function deviation(factor: ArrayLike<number>, { rank, length, along }: Shape): number {
  const gram = product(along === 'rows' ? 'nt' : 'tn', factor, factor, { m: rank, n: rank, k: length });
  return Math.hypot(...gram.map((value, k) => value - (k % (rank + 1) === 0 ? 1 : 0)));
}

async function orthogonality(shape: Shape, factor: Float32Array, weight: number, profile?: Profile) {
  const { rank, length, along } = shape;
  return runEmit({
    profile,
    data: { factor, gradient: new Float32Array(factor.length).fill(0.5), scalars: Float32Array.of(7, 8, 1) },
    shapes: Object.fromEntries(
      ['factor', 'gradient'].map(name => [name, along === 'rows' ? [rank, length] : [length, rank]]),
    ),
    emit: (emit, t) =>
      emitOrthogonality(emit, { factor: t.factor, gradient: t.gradient, along }, weight, { scalars: t.scalars, at: 2 }),
  });
}

describe('orthogonality', () => {
  for (const along of ['rows', 'columns'] as const)
    it(`of ${along}: adds the norm and its derivative`, async () => {
      for (const [rank, length] of [
        [1, 3],
        [3, 65],
        [12, 48],
        [17, 130],
      ]) {
        const shape = { rank, length, along };
        const factor = randomArray(rank * length, rank, 0.3);
        const { scalars, gradient } = await orthogonality(shape, factor, 0.25, rank > 3 ? 'gpu' : 'software');
        assert.deepEqual([...scalars.subarray(0, 2)], [7, 8]);
        assert.ok(Math.abs(scalars[2] / (1 + 0.25 * deviation(factor, shape)) - 1) < 1e-5);
        const reference = ({ f }: Readonly<Record<string, Float64Array>>) => Float64Array.of(deviation(f, shape));
        const { at, slopes } = differences(reference, { f: factor }, 'f', [0.25]);
        const found = at.map(i => gradient[i] - 0.5);
        assert.ok(relativeError(found, slopes) < 1e-4, `${rank} x ${length}`);
      }
    });

  it('of an orthonormal factor is zero, without a division by zero', async () => {
    const identity = Float32Array.from({ length: 12 }, (_, k) => (k % 4 === Math.floor(k / 4) ? 1 : 0));
    const { scalars, gradient } = await orthogonality({ rank: 3, length: 4, along: 'rows' }, identity, 0.25);
    assert.equal(scalars[2], 1);
    assert.ok(gradient.every(value => value === 0.5));
  });
});

const rank = 5;
const lengths = { A: 70, B: 33, E: 1 } as const;
const smoothing = { beta1: 0.85, beta2: 0.7 };
type Kind = keyof typeof lengths;
const kinds = Object.keys(lengths) as Kind[];
const first = 3;
const total = 11;

function start(): Record<string, Float32Array> {
  const data: Record<string, Float32Array> = { triplets: new Float32Array(3 * total).fill(9) };
  kinds.forEach((kind, index) => {
    data[kind] = randomArray(rank * lengths[kind], index + 1);
    data[`d${kind}`] = randomArray(rank * lengths[kind], index + 11);
    data[`averages${kind}`] = randomArray(2 * rank * lengths[kind], index + 21).map(Math.abs);
  });
  return data;
}

function shapesOf(): Record<string, number[]> {
  const dims: Record<string, number[]> = { triplets: [3, total] };
  for (const kind of kinds) {
    const shape = kind === 'B' ? [lengths[kind], rank] : [rank, lengths[kind]];
    dims[kind] = dims[`d${kind}`] = shape;
    dims[`averages${kind}`] = [...shape, 2];
  }
  return dims;
}

function score(data: Record<string, Float32Array>, squares: number, step: Uint32Array, profile?: Profile) {
  return runEmit({
    profile,
    data: { ...data, scalars: Float32Array.of(0, squares) },
    shapes: shapesOf(),
    step,
    emit: (emit, t) => {
      const factors = kinds.map(kind => ({
        parameter: t[kind],
        gradient: t[`d${kind}`],
        averages: t[`averages${kind}`],
        kind,
      }));
      emitSensitivity(emit, factors, { triplets: t.triplets, first, rank }, { ...smoothing, scalars: t.scalars });
    },
  });
}

/** The rules of PEFT's `RankAllocator`, in f64. */
function scoreReference(data: Record<string, Float32Array>, clip: number) {
  const sums = new Float64Array(3 * rank);
  const averages: Record<string, Float64Array> = {};
  for (const kind of kinds) {
    const next = Float64Array.from(data[`averages${kind}`]);
    data[kind].forEach((value, at) => {
      const now = Math.abs(value * data[`d${kind}`][at] * clip);
      const mean = smoothing.beta1 * next[2 * at] + (1 - smoothing.beta1) * now;
      const spread = smoothing.beta2 * next[2 * at + 1] + (1 - smoothing.beta2) * Math.abs(now - mean);
      next.set([mean, spread], 2 * at);
      const triplet = kind === 'B' ? at % rank : Math.floor(at / lengths[kind]);
      [mean, spread, mean * spread].forEach((v, line) => (sums[line * rank + triplet] += v / lengths[kind]));
    });
    averages[kind] = next;
  }
  return { sums, averages };
}

describe('sensitivity', () => {
  it('follows the clipped gradient and sums each triplet, where it belongs', async () => {
    const data = start();
    const squares = 16;
    const { sums, averages } = scoreReference(data, 1 / (4 + 1e-6));
    for (const profile of ['software', 'gpu'] as const) {
      const found = await score(data, squares, stepWith([1], 1), profile);
      for (const kind of kinds) assert.ok(relativeError(found[`averages${kind}`], averages[kind]) < 1e-6, kind);
      const lines = [0, 1, 2].flatMap(line => [
        ...found.triplets.subarray(line * total + first, line * total + first + rank),
      ]);
      assert.ok(relativeError(lines, sums) < 1e-5);
      assert.ok(relativeError(lines, scoreReference(data, 1).sums) > 0.1, 'clipping matters');
      const others = found.triplets.filter((_, k) => k % total < first || k % total >= first + rank);
      assert.ok(others.every(value => value === 9));
    }
  });

  it('stands still when it is told to, and when a gradient is not finite', async () => {
    const data = start();
    for (const [squares, step] of [
      [16, stepWith([0], 1)],
      [NaN, stepWith([1], 1)],
      [Infinity, stepWith([1])],
    ] as const) {
      const found = await score(data, squares, step, 'gpu');
      assert.deepEqual(found.triplets, data.triplets);
      for (const kind of kinds) assert.deepEqual(found[`averages${kind}`], data[`averages${kind}`]);
    }
  });
});

async function allocate(scores: readonly number[], step: Uint32Array, squares = 1) {
  const count = scores.length;
  const data = {
    triplets: Float32Array.from([...scores.map(() => 0), ...scores.map(() => 0), ...scores]),
    pruned: new Float32Array(count).fill(1),
    values: new Float32Array(count - 1).fill(3),
    scalars: Float32Array.of(0, squares),
  };
  return runEmit({
    data,
    step,
    emit: (emit, t) => {
      emitAllocation(emit, t.triplets, t.pruned, t.scalars);
      emitTripletMask(emit, { values: t.values, first: 1 }, t.pruned, t.scalars);
    },
  });
}

describe('allocation', () => {
  const scores = [0.5, 0.1, 0.4, 0.1, 0.9, 0.3, 0, 0.4];
  it('prunes what is at or below the kth smallest score, ties alike, and masks it', async () => {
    const sorted = [...scores].sort((a, b) => a - b);
    for (let k = 1; k <= scores.length; k++) {
      const { pruned, values } = await allocate(scores, stepWith([0, k, 1]));
      const expected = scores.map(value => (value <= sorted[k - 1] ? 1 : 0));
      assert.deepEqual([...pruned], expected, `k = ${k}`);
      assert.deepEqual(
        [...values],
        expected.slice(1).map(gone => (gone ? 0 : 3)),
      );
    }
  });

  it('keeps the choice without a count, and masks only when told to', async () => {
    const kept = await allocate(scores, stepWith([0, 0, 0]));
    assert.ok(kept.pruned.every(value => value === 1) && kept.values.every(value => value === 3));
    const masked = await allocate(scores, stepWith([0, 0, 1]));
    assert.ok(masked.pruned.every(value => value === 1) && masked.values.every(value => value === 0));
  });

  it('changes nothing after a gradient that is not finite', async () => {
    const { pruned, values } = await allocate(scores, stepWith([0, 3, 1]), NaN);
    assert.ok(pruned.every(value => value === 1) && values.every(value => value === 3));
  });
});
