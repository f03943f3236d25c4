import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ignoredWord, packBatch, padTo } from '../../../webview/engine/data/batches';
import type { Example } from '../../../webview/engine/data/examples';

const example = (ids: readonly number[], labels: readonly number[] = ids): Example => ({
  ids: Uint32Array.from(ids),
  labels: Int32Array.from(labels),
});
const X = ignoredWord;

describe('micro-batches', () => {
  const examples = [example([10, 11, 12], [-100, 11, 12]), example([20]), example([30, 31], [-100, 31])];

  it('are one stream in which every token knows its example and its successor', () => {
    const batch = packBatch(examples, [2, 0, 1]);
    assert.deepEqual([...batch.tokens], [30, 31, 10, 11, 12, 20]);
    assert.deepEqual([...batch.positions], [0, 1, 0, 1, 2, 0]);
    assert.deepEqual([...batch.segmentStart], [0, 0, 2, 2, 2, 5]);
    assert.deepEqual([...batch.segmentEnd], [2, 2, 5, 5, 5, 6]);
    assert.deepEqual([...batch.labels], [31, X, 11, 12, X, X]);
    assert.equal(batch.lossTokens, 3);
    assert.equal(batch.count, 6);
  });

  it('are filled with tokens that see only themselves', () => {
    const batch = padTo(packBatch(examples, [2]), 4);
    assert.deepEqual([...batch.tokens], [30, 31, 0, 0]);
    assert.deepEqual([...batch.positions], [0, 1, 0, 0]);
    assert.deepEqual([...batch.segmentStart], [0, 0, 2, 3]);
    assert.deepEqual([...batch.segmentEnd], [2, 2, 3, 4]);
    assert.deepEqual([...batch.labels], [31, X, X, X]);
    assert.deepEqual([batch.lossTokens, batch.count], [1, 2]);
    for (const size of [3, 6]) assert.deepEqual(padTo(padTo(packBatch(examples, [2]), size), 4), batch);
    assert.throws(() => padTo(batch, 1), /A batch of 2 tokens does not fit 1/);
  });

  it('hold, row for row, what the loss of each example alone would see', () => {
    const token = fc.nat({ max: 99 });
    const pairs = fc.array(fc.tuple(token, fc.boolean()), { minLength: 1, maxLength: 6 });
    const sets = fc.array(pairs, { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(sets, set => {
        const all = set.map(row =>
          example(
            row.map(([id]) => id),
            row.map(([id, loss]) => (loss ? id : -100)),
          ),
        );
        const batch = packBatch(
          all,
          all.map((_, index) => index),
        );
        let at = 0;
        let losses = 0;
        for (const { ids, labels } of all) {
          for (let t = 0; t < ids.length; t++, at++) {
            assert.equal(batch.tokens[at], ids[t]);
            assert.deepEqual([batch.segmentStart[at], batch.segmentEnd[at]], [at - t, at - t + ids.length]);
            const next = t + 1 < ids.length && labels[t + 1] !== -100;
            assert.equal(batch.labels[at], next ? labels[t + 1] : X);
            losses += next ? 1 : 0;
          }
        }
        assert.deepEqual([batch.count, batch.lossTokens], [at, losses]);
      }),
    );
  });
});
