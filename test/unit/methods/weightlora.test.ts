import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { runConfigSchema, type WeightloraConfig } from '../../../src/common/config/schema';
import { normal } from '../../../webview/engine/data/random';
import { growRank, type Factors } from '../../../webview/engine/methods/weightloraGrowth';
import { weightloraSchedule } from '../../../webview/engine/methods/weightloraSchedule';

function configOf(keys: object): WeightloraConfig {
  const config = runConfigSchema.parse({ model: 'm', data: { train: 't' }, method: { type: 'weightlora', ...keys } });
  assert.ok(config.method.type === 'weightlora');
  return config.method;
}

const steps = (most: number, holds: (step: number) => boolean): number[] =>
  Array.from({ length: most }, (_, index) => index + 1).filter(holds);

describe('WeightLoRA schedule', () => {
  it('selects after the warm-up until the set is frozen', () => {
    const schedule = weightloraSchedule(
      configOf({ selection_warmup_ratio: 0.1, freeze_ratio: 0.5, fat_step: 3 }),
      28,
      40,
    );
    assert.deepEqual(steps(40, schedule.selectsAt), [6, 9, 12, 15, 18, 20]);
    assert.deepEqual(steps(40, schedule.freezesAt), [20]);
    assert.equal(schedule.keep, 7);
  });

  it('selects from the first step to the last as the authors do', () => {
    const schedule = weightloraSchedule(configOf({ selection_warmup_ratio: 0, freeze_ratio: 1, k: 40 }), 28, 5);
    assert.deepEqual(steps(5, schedule.selectsAt), [1, 2, 3, 4, 5]);
    assert.deepEqual(steps(5, schedule.freezesAt), []);
    assert.equal(schedule.keep, 28);
  });

  it('grows at multiples of fat_step, restarts the clock of AdamW there and stops ω after the last', () => {
    const schedule = weightloraSchedule(configOf({ growth: 'smart', fat_step: 3, max_fat_steps: 2 }), 28, 12);
    assert.deepEqual(steps(12, schedule.growsAt), [3, 6]);
    const clock = steps(9, () => true).map(step => schedule.clock(step));
    assert.deepEqual(
      clock.map(({ adam }) => adam),
      [1, 2, 0, 1, 2, 0, 1, 2, 3],
    );
    assert.deepEqual(
      clock.map(({ sgd }) => sgd),
      [1, 1, 1, 1, 1, 1, 0, 0, 0],
    );
    assert.equal(schedule.keep, 7);
  });
});

describe('rank growth', () => {
  const factors = (rank: number, inputs: number, outputs: number): Factors => ({
    a: Float32Array.from({ length: rank * inputs }, (_, i) => normal({ seed: 1, stream: 1 }, i)),
    b: Float32Array.from({ length: outputs * rank }, (_, i) => normal({ seed: 1, stream: 2 }, i)),
    rank,
  });
  const size = fc.integer({ min: 1, max: 6 });

  for (const how of ['smart', 'dummy'] as const)
    it(`${how}: twice the rank, the same product`, () => {
      fc.assert(
        fc.property(size, size, size, (rank, extra, outputs) => {
          const before = factors(rank, 2 * rank + extra, outputs);
          const after = growRank(before, { how, seed: 3, name: 'm' });
          assert.equal(after.rank, 2 * rank);
          product(after).forEach((value, i) => assert.ok(Math.abs(value - product(before)[i]) < 1e-5));
        }),
      );
    });

  it('smart: old directions are orthonormal, new ones orthogonal to them', () => {
    const { a } = growRank(factors(3, 11, 5), { how: 'smart', seed: 3, name: 'm' });
    const row = (i: number) => a.subarray(i * 11, (i + 1) * 11);
    const dot = (i: number, j: number) => row(i).reduce((sum, value, k) => sum + value * row(j)[k], 0);
    for (let i = 0; i < 3; i++) {
      for (let j = 0; j < 3; j++) assert.ok(Math.abs(dot(i, j) - (i === j ? 1 : 0)) < 1e-6);
      for (let j = 3; j < 6; j++) assert.ok(Math.abs(dot(i, j)) < 1e-6);
    }
    assert.ok(dot(3, 3) > 1e-3);
  });

  it('keeps a zero B zero and survives a zero A', () => {
    const { a, b } = growRank(
      { a: new Float32Array(8), b: new Float32Array(6), rank: 2 },
      { how: 'smart', seed: 1, name: 'm' },
    );
    assert.ok(b.every(value => value === 0));
    assert.ok(a.every(Number.isFinite));
  });
});

/** B·A, row-major [outputs, inputs]. */
function product({ a, b, rank }: Factors): number[] {
  const [inputs, outputs] = [a.length / rank, b.length / rank];
  return Array.from({ length: inputs * outputs }, (_, index) => {
    let sum = 0;
    for (let k = 0; k < rank; k++) sum += b[Math.floor(index / inputs) * rank + k] * a[k * inputs + (index % inputs)];
    return sum;
  });
}
