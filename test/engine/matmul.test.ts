import { strict as assert } from 'node:assert';
import type { GraphBuilder } from '../../webview/engine/graph/builder';
import type { Tensor } from '../../webview/engine/graph/tensor';
import { emitMatmul, splitOverTokens, type Matmul } from '../../webview/engine/ops/matmul';
import { up4 } from '../../webview/engine/ops/matmulLaunch';
import type { Emitter } from '../../webview/engine/graph/node';
import type { Profile } from '../../webview/engine/runtime/kernel';
import { arrange, chooseTile, layersFor } from '../../webview/engine/ops/matmulPlan';
import type { MatmulForm } from '../../webview/engine/ops/matmulKernel';
import { packHalf, product, roundHalf } from './denseReference';
import { randomArray, relativeError, runOp } from './harness';

interface Case {
  readonly form: MatmulForm;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly half?: boolean;
  readonly bias?: boolean;
  readonly alpha?: number;
  /** Adds to a first product of the same operands. */
  readonly twice?: boolean;
  readonly split?: boolean;
  /** Kernels of another profile than the adapter's own. */
  readonly profile?: Profile;
}

const forms: readonly MatmulForm[] = ['nt', 'nn', 'tn'];

function shapes({ form, m, n, k }: Case): { a: [number, number]; b: [number, number] } {
  return { a: form === 'tn' ? [k, m] : [m, k], b: form === 'nt' ? [n, k] : [k, n] };
}

function withProfile(emit: Emitter, profile = emit.profile): Emitter {
  return {
    profile,
    training: emit.training,
    dispatch: (...launch) => emit.dispatch(...launch),
    wants: output => emit.wants(output),
    temp: (...made) => emit.temp(...made),
  };
}

/** A node that multiplies, so that the product runs through the real compiler. */
function multiply(graph: GraphBuilder, test: Case, more: Partial<Matmul> = {}): Tensor {
  const { form, m, n, k, alpha } = test;
  const shape = shapes(test);
  const a = graph.parameter('a', shape.a);
  const b = graph.parameter('b', shape.b, { dtype: test.half ? 'f16' : 'f32' });
  const bias = test.bias ? graph.parameter('bias', [n]) : undefined;
  const out = graph.value('out', [m, n]);
  graph.add({
    name: 'product',
    kind: 'product',
    inputs: [a, b],
    outputs: [out],
    saves: () => [],
    forward: recorder => {
      const emit = withProfile(recorder, test.profile);
      const split = test.split ? splitOverTokens(emit, test) : undefined;
      const spec: Matmul = { form, a, b, out, m, n, k, alpha, bias, split, ...more };
      emitMatmul(emit, spec);
      if (test.twice) emitMatmul(emit, { ...spec, accumulate: true });
    },
  });
  return out;
}

async function check(test: Case): Promise<void> {
  const { m, n, k } = test;
  const a = randomArray(m * k, m + 7 * k);
  const b = randomArray(n * k, n + 13 * k);
  const bias = randomArray(n, 5);
  const { values } = await runOp({
    build: graph => [multiply(graph, test)],
    data: { a, b: test.half ? packHalf(b) : b, bias },
  });
  const once = product(test.form, a, test.half ? b.map(roundHalf) : b, test);
  const expected = once.map((v, i) => (test.twice ? 2 : 1) * ((test.alpha ?? 1) * v + (test.bias ? bias[i % n] : 0)));
  const error = relativeError(values.out, expected);
  assert.ok(error < 2e-6, `${JSON.stringify(test)}: relative error ${error}`);
}

describe('matmul', () => {
  for (const form of forms) {
    it(`${form}: sizes that fit no tile`, async () => {
      for (const [m, n, k] of [
        [1, 1, 1],
        [3, 5, 7],
        [1, 64, 64],
        [63, 65, 63],
        [65, 12, 36],
        [8, 100, 68],
        [2, 8, 4],
        [130, 68, 20],
        [40, 8, 36],
        [8, 40, 36],
        [70, 4, 16],
        [4, 70, 33],
      ])
        await check({ form, m, n, k });
    });

    it(`${form}: lanes that work alone, as on GPUs and on software adapters without subgroups`, async () => {
      for (const profile of ['gpu', 'software'] as const) {
        await check({ form, m: 37, n: 68, k: 20, profile });
        await check({ form, m: 12, n: 20, k: 300, profile, split: true, twice: true });
      }
    });

    it(`${form}: half-precision b, aligned and not`, async () => {
      await check({ form, m: 9, n: 24, k: 16, half: true });
      await check({ form, m: 5, n: 7, k: 9, half: true });
    });

    it(`${form}: alpha, bias and accumulation`, async () => {
      await check({ form, m: 17, n: 20, k: 12, alpha: -0.5, twice: true });
      await check({ form, m: 17, n: 20, k: 12, alpha: 2, bias: true });
      await check({ form, m: 7, n: 3, k: 5, alpha: 2, bias: true, twice: true });
    });

    it(`${form}: cut into layers over a long k`, async () => {
      await check({ form, m: 8, n: 16, k: 516, split: true, twice: true });
      await check({ form, m: 3, n: 5, k: 259, split: true, alpha: 3, bias: true });
    });
  }

  it('works inside larger matrices: offsets and leading dimensions', async () => {
    for (const [lda, ldb, ldo, aOffset, bOffset, outOffset] of [
      [12, 16, 20, 4, 8, 4],
      [11, 13, 17, 3, 5, 2],
    ]) {
      const test = { form: 'nn', m: 5, n: 8, k: 8 } as const;
      const a = randomArray(aOffset + 5 * lda, 1);
      const b = randomArray(bOffset + 8 * ldb, 2);
      const { values } = await runOp({
        build: graph => {
          const out = graph.value('out', [outOffset + 5 * ldo]);
          const [ta, tb] = [graph.parameter('a', [a.length]), graph.parameter('b', [b.length])];
          graph.add({
            name: 'product',
            kind: 'product',
            inputs: [ta, tb],
            outputs: [out],
            saves: () => [],
            forward: emit =>
              emitMatmul(emit, { ...test, a: ta, b: tb, out, lda, ldb, ldo, aOffset, bOffset, outOffset }),
          });
          return [out];
        },
        data: { a, b },
      });
      const cut = (x: Float32Array, at: number, pitch: number, rows: number) =>
        Float32Array.from({ length: rows * 8 }, (_, i) => x[at + Math.floor(i / 8) * pitch + (i % 8)]);
      const expected = product('nn', cut(a, aOffset, lda, 5), cut(b, bOffset, ldb, 8), test);
      assert.ok(relativeError(cut(values.out, outOffset, ldo, 5), expected) < 2e-6);
    }
  });

  it('gives the same bits every time', async () => {
    const test: Case = { form: 'tn', m: 8, n: 24, k: 300, split: true };
    const data = { a: randomArray(8 * 300, 3), b: randomArray(24 * 300, 4) };
    const runs = await Promise.all([1, 2].map(() => runOp({ build: graph => [multiply(graph, test)], data })));
    assert.deepEqual(runs[0].values.out, runs[1].values.out);
  });

  it('a product of the wrong transpose would be noticed', async () => {
    const data = { a: randomArray(64, 1), b: randomArray(64, 2) };
    const test: Case = { form: 'nt', m: 8, n: 8, k: 8 };
    const { values } = await runOp({ build: graph => [multiply(graph, test, { form: 'nn' })], data });
    assert.ok(relativeError(values.out, product('nt', data.a, data.b, test)) > 0.1);
  });

  it('refuses operands that are too small', () => {
    const nothing = { dispatch: () => undefined, temp: () => tensor, wants: () => true };
    const emit = { profile: 'software', training: false, ...nothing } as const;
    const tensor: Tensor = { id: 0, name: 't', shape: [4, 4], dtype: 'f32', role: 'value' };
    const spec: Matmul = { form: 'nn', a: tensor, b: tensor, out: tensor, m: 4, n: 4, k: 8 };
    assert.throws(() => emitMatmul(emit, spec), /4 x 4 over 8/);
  });
});

describe('matmul plan', () => {
  it('covers every output once', () => {
    for (const profile of ['software', 'gpu'] as const)
      for (const form of forms)
        for (const m of [1, 3, 8, 63, 1000])
          for (const n of [1, 4, 9, 64, 777]) {
            const shape = { form, m, n, k: 64 };
            const tile = chooseTile(shape, profile);
            const threads = 64;
            const { wide, across, down } = arrange(shape, tile, threads, 0);
            assert.ok(across * (1 << wide) * tile.columns >= n);
            assert.ok(down * (threads >> wide) * tile.rows >= m);
            assert.ok(form !== 'tn' || tile.rows % 4 === 0);
          }
  });

  it('never needs more scratch for fewer tokens', () => {
    let last = 0;
    for (const k of [1, 5, 64, 65, 300, 1024, 5000]) {
      const layers = layersFor({ form: 'tn', m: 8, n: 64, k });
      assert.ok(layers >= last && layers >= 1);
      last = layers;
    }
    assert.ok(last > 1);
    assert.equal(up4(5), 8);
  });
});
