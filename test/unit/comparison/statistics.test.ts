import assert from 'node:assert/strict';
import fc from 'fast-check';
import { paretoFront } from '../../../src/common/comparison/pareto';
import { estimate, shareHalf, studentT975 } from '../../../src/common/comparison/statistics';

describe('estimate', () => {
  it('gives mean and interval as scipy.stats.t does', () => {
    const { mean, half, n } = estimate([4.1, 4.4, 4.3, NaN]) ?? { mean: 0, n: 0 };
    assert.equal(n, 3);
    assert.ok(Math.abs(mean - 4.266667) < 1e-6);
    // t.ppf(0.975, 2) * stdev([4.1, 4.4, 4.3]) / sqrt(3)
    assert.ok(Math.abs((half ?? 0) - 0.379461) < 1e-5, String(half));
  });

  it('has no interval below three values and nothing for none', () => {
    assert.deepEqual(estimate([1, 2]), { mean: 1.5, n: 2 });
    assert.equal(estimate([NaN]), undefined);
  });

  const quantiles: readonly (readonly [number, number])[] = [
    [1, 12.7062],
    [2, 4.30265],
    [4, 2.77645],
    [11, 2.20099],
    [15, 2.13145],
    [29, 2.04523],
    [120, 1.97993],
  ];
  for (const [degrees, expected] of quantiles) {
    it(`t with ${degrees} degrees of freedom`, () => {
      assert.ok(Math.abs(studentT975(degrees) - expected) < 2e-4, String(studentT975(degrees)));
    });
  }

  it('a share of few rows is wide', () => {
    assert.ok(Math.abs(shareHalf(0.5, 100) - 0.098) < 1e-3);
    assert.equal(shareHalf(0.5, 0), Infinity);
  });
});

describe('Pareto front', () => {
  const points = fc.array(fc.record({ cost: fc.integer({ max: 9, min: 0 }), loss: fc.integer({ max: 9, min: 0 }) }));

  it('holds no point that another one beats, and beats or equals every other', () => {
    fc.assert(
      fc.property(points, all => {
        const front = paretoFront(all);
        for (const one of front)
          assert.ok(
            !all.some(o => o.cost <= one.cost && o.loss <= one.loss && (o.cost < one.cost || o.loss < one.loss)),
          );
        for (const one of all) assert.ok(front.some(o => o.cost <= one.cost && o.loss <= one.loss));
      }),
    );
  });

  it('goes down as the cost goes up, and leaves out what is not a number', () => {
    const front = paretoFront([
      { cost: 3, loss: 1 },
      { cost: 1, loss: 5 },
      { cost: 2, loss: 6 },
      { cost: NaN, loss: 0 },
    ]);
    assert.deepEqual(front, [
      { cost: 1, loss: 5 },
      { cost: 3, loss: 1 },
    ]);
  });
});
