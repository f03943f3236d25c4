import assert from 'node:assert/strict';
import fc from 'fast-check';
import { permutation } from '../../../webview/engine/data/random';
import { planEvaluation, planWindows, type WindowOptions } from '../../../webview/engine/data/windows';
import reference from '../../reference/windows.json';

const base: WindowOptions = {
  examples: 10,
  batchSize: 2,
  accumulation: 2,
  shuffle: false,
  seed: 1,
  maxSteps: -1,
  epochs: 2,
};

describe('optimizer-step windows', () => {
  for (const { windows, lastEpoch, ...options } of reference.cases)
    it(`agree with transformers' Trainer: ${JSON.stringify(options)}`, () => {
      const plan = planWindows({ ...base, ...options });
      assert.equal(plan.totalSteps, windows.length);
      assert.deepEqual(
        windows.map((_, step) => plan.window(step)),
        windows,
      );
      assert.ok(Math.abs(plan.epochAt(plan.totalSteps) - lastEpoch) < 1e-9);
    });

  it('visit every row once an epoch, in an order that depends on seed and epoch only', () => {
    const sizes = fc.record({
      examples: fc.integer({ min: 1, max: 40 }),
      batchSize: fc.integer({ min: 1, max: 9 }),
      accumulation: fc.integer({ min: 1, max: 5 }),
      seed: fc.nat(),
    });
    fc.assert(
      fc.property(sizes, fc.nat({ max: 3 }), (size, epoch) => {
        const plan = planWindows({ ...base, ...size, shuffle: true, epochs: 4 });
        const steps = Array.from({ length: plan.stepsPerEpoch }, (_, step) => epoch * plan.stepsPerEpoch + step);
        const seen = steps.flatMap(step => plan.window(step)).flat();
        assert.deepEqual(seen, [...permutation(size.examples, size.seed, epoch)]);
        assert.deepEqual(
          seen.toSorted((a, b) => a - b),
          Array.from({ length: size.examples }, (_, index) => index),
        );
      }),
    );
  });

  it('can be asked for in any order', () => {
    const options = { ...base, shuffle: true, epochs: 5 };
    const forward = planWindows(options);
    const all = Array.from({ length: forward.totalSteps }, (_, step) => forward.window(step));
    const backward = planWindows(options);
    for (let step = all.length - 1; step >= 0; step--) assert.deepEqual(backward.window(step), all[step]);
  });

  it('differ between epochs and between seeds', () => {
    const plan = planWindows({ ...base, examples: 50, batchSize: 50, shuffle: true });
    const other = planWindows({ ...base, examples: 50, batchSize: 50, shuffle: true, seed: 2 });
    assert.notDeepEqual(plan.window(0), plan.window(1));
    assert.notDeepEqual(plan.window(0), other.window(0));
  });

  it('leave the last evaluation batch short', () => {
    assert.deepEqual(planEvaluation(5, 2), [[0, 1], [2, 3], [4]]);
  });
});
