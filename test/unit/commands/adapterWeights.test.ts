import { strict as assert } from 'node:assert';
import { parseWeights } from '../../../src/commands/adapterWeights';

describe('weights of several adapters', () => {
  it('are numbers between commas or spaces, as many as adapters', () => {
    assert.deepEqual(parseWeights('0.7, -1.5', 2), [0.7, -1.5]);
    assert.deepEqual(parseWeights(' 1 2;3e-1 ', 3), [1, 2, 0.3]);
    for (const text of ['', '1', '1, 2, 3', '1, two', '1, Infinity']) assert.equal(parseWeights(text, 2), undefined);
  });
});
