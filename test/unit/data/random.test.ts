import assert from 'node:assert/strict';
import { normal, permutation, randomBits, streamOf, uniform } from '../../../webview/engine/data/random';

/** From a separate implementation of the documented functions. */
const golden = {
  bits: [365208461, 208786425, 2951753720],
  order: [0, 1, 2, 3, 7, 4, 6, 5],
  stream: 3501215179,
};
const count = 20000;

function values(make: (index: number) => number): number[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

function moments(sample: readonly number[]): { mean: number; variance: number } {
  const mean = sample.reduce((sum, value) => sum + value, 0) / sample.length;
  const variance = sample.reduce((sum, value) => sum + (value - mean) ** 2, 0) / sample.length;
  return { mean, variance };
}

describe('random numbers', () => {
  it('are the same on every platform', () => {
    assert.deepEqual(
      [0, 1, 2].map(index => randomBits(42, 7, index)),
      golden.bits,
    );
    assert.deepEqual([...permutation(8, 42, 0)], golden.order);
    assert.equal(streamOf('model.layers.0.self_attn.q_proj'), golden.stream);
  });

  it('are uniform: mean, variance and each of 16 bins within five standard errors', () => {
    const sample = values(index => uniform({ seed: 3, stream: 5 }, index));
    const { mean, variance } = moments(sample);
    assert.ok(Math.abs(mean - 1 / 2) < 5 * Math.sqrt(1 / 12 / count));
    assert.ok(Math.abs(variance - 1 / 12) < 5 * Math.sqrt(1 / 180 / count));
    const bins = Array.from({ length: 16 }, (_, bin) => sample.filter(value => Math.floor(value * 16) === bin).length);
    for (const bin of bins) assert.ok(Math.abs(bin - count / 16) < 5 * Math.sqrt(count / 16));
  });

  it('are normal: moments and the share within one deviation', () => {
    const sample = values(index => normal({ seed: 3, stream: 6 }, index));
    const { mean, variance } = moments(sample);
    assert.ok(Math.abs(mean) < 5 / Math.sqrt(count));
    assert.ok(Math.abs(variance - 1) < 5 * Math.sqrt(2 / count));
    const inside = sample.filter(value => Math.abs(value) < 1).length / count;
    assert.ok(Math.abs(inside - 0.6827) < 5 * Math.sqrt(0.2166 / count));
  });

  it('are uncorrelated between neighbouring indices, streams and seeds', () => {
    const at = (seed: number, stream: number, index: number) => uniform({ seed, stream }, index) - 1 / 2;
    const pairs: ((index: number) => number)[] = [
      index => at(1, 1, index) * at(1, 1, index + 1),
      index => at(1, 1, index) * at(1, 2, index),
      index => at(1, 1, index) * at(2, 1, index),
    ];
    for (const pair of pairs) assert.ok(Math.abs(moments(values(pair)).mean * 12) < 5 / Math.sqrt(count));
  });

  it('leave one element in place on average, whatever the length', () => {
    const fixed = (seed: number) => permutation(40, seed, 1).filter((row, index) => row === index).length;
    const { mean, variance } = moments(Array.from({ length: 4000 }, (_, seed) => fixed(seed)));
    assert.ok(Math.abs(mean - 1) < 5 / Math.sqrt(4000));
    assert.ok(Math.abs(variance - 1) < 0.2);
  });

  it('give every order of three elements equally often', () => {
    const orders = new Map<string, number>();
    for (let epoch = 0; epoch < 6000; epoch++) {
      const key = permutation(3, 9, epoch).join('');
      orders.set(key, (orders.get(key) ?? 0) + 1);
    }
    assert.equal(orders.size, 6);
    for (const times of orders.values()) assert.ok(Math.abs(times - 1000) < 5 * Math.sqrt(1000));
  });
});
