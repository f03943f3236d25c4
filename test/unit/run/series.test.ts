import assert from 'node:assert/strict';
import fc from 'fast-check';
import { decimate, median, smooth } from '../../../src/common/run/series';

describe('smooth', () => {
  it('computes the debiased average', () => {
    // By hand for w = 0.5: s = 0.5·4 = 2, 2/(1−0.5) = 4; s = 1 + 1 = 2, 2/(1−0.25) = 8/3; s = 1 + 4 = 5, 5/(1−0.125).
    const expected = [4, 8 / 3, 5 / 0.875];
    smooth([4, 2, 8], 0.5).forEach((value, index) => assert.ok(Math.abs(value - expected[index]) < 1e-12));
  });

  it('leaves a series alone at weight 0 and a constant one at any weight', () => {
    assert.deepEqual(smooth([3, 1, 2], 0), [3, 1, 2]);
    for (const value of smooth([7, 7, 7, 7], 0.9)) assert.ok(Math.abs(value - 7) < 1e-12);
  });

  it('passes non-finite values through without spreading them', () => {
    const [first, second, third] = smooth([2, NaN, 2], 0.6);
    assert.ok(Math.abs(first - 2) < 1e-12 && Number.isNaN(second) && Math.abs(third - 2) < 1e-12);
  });

  it('stays between the extremes', () => {
    const values = fc.array(fc.double({ min: -100, max: 100, noNaN: true }), { minLength: 1 });
    fc.assert(
      fc.property(values, fc.double({ min: 0, max: 0.99, noNaN: true }), (series, weight) => {
        const low = Math.min(...series) - 1e-9;
        const high = Math.max(...series) + 1e-9;
        return smooth(series, weight).every(value => value >= low && value <= high);
      }),
    );
  });
});

describe('decimate', () => {
  it('keeps every point of a short series', () => {
    assert.deepEqual(decimate([5, 6, 7], 4), [0, 1, 2]);
  });

  it('keeps ends, order, the limit and both extremes', () => {
    const values = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 500 });
    fc.assert(
      fc.property(values, fc.integer({ min: 4, max: 100 }), (series, limit) => {
        const kept = decimate(series, limit);
        assert.ok(kept.length <= Math.max(limit, 4));
        assert.equal(kept[0], 0);
        assert.equal(kept.at(-1), series.length - 1);
        kept.forEach((index, at) => assert.ok(at === 0 || index > kept[at - 1]));
        const seen = kept.map(index => series[index]);
        assert.equal(Math.max(...seen), Math.max(...series));
        assert.equal(Math.min(...seen), Math.min(...series));
      }),
    );
  });

  it('skips stretches without finite values', () => {
    const series = Array.from({ length: 1000 }, (_, index) => (index > 100 && index < 900 ? NaN : index));
    const kept = decimate(series, 50);
    assert.ok(kept.every(index => index <= 100 || index >= 900));
  });
});

describe('median', () => {
  it('is the middle of the finite values', () => {
    assert.deepEqual(
      [median([3, NaN, 1, 2]), median([4, 1, 3, 2]), median([]), median([NaN])],
      [2, 2.5, undefined, undefined],
    );
  });
});
