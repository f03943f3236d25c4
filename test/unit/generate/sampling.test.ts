import { strict as assert } from 'node:assert';
import { nextToken, processLogits } from '../../../webview/engine/generate/sampling';
import reference from '../../reference/sampling.json';

const greedy = { temperature: 0, top_k: 50, top_p: 1, repetition_penalty: 1 };

describe('sampling', () => {
  for (const { settings, logits, scores } of reference.cases)
    it(`processes logits as transformers does: ${JSON.stringify(settings)}`, () => {
      const actual = processLogits(Float32Array.from(logits), reference.text, settings);
      const expected = scores.map(score => (score === null ? -Infinity : score));
      assert.deepEqual([...actual], expected.map(Math.fround));
    });

  it('takes the first of the largest when greedy', () => {
    assert.equal(nextToken(Float32Array.of(1, 3, 2, 3), 0, { seed: 1, stream: 2 }, 0), 1);
  });

  it('draws each token as often as its softmax says, and never an excluded one', () => {
    const scores = Float32Array.of(0, Math.log(2), -Infinity, Math.log(5));
    const counts = [0, 0, 0, 0];
    const draws = 8000;
    for (let index = 0; index < draws; index++) counts[nextToken(scores, 1, { seed: 7, stream: 3 }, index)]++;
    assert.equal(counts[2], 0);
    // Four standard deviations of a binomial with the largest variance.
    const allowed = 4 * Math.sqrt(0.25 / draws);
    [1 / 8, 2 / 8, 0, 5 / 8].forEach((share, id) => assert.ok(Math.abs(counts[id] / draws - share) < allowed));
  });

  it('draws the same token for the same seed and place, and leaves the logits as they are', () => {
    const logits = Float32Array.from({ length: 50 }, (_, i) => Math.sin(i));
    const before = [...logits];
    const draw = (seed: number) =>
      Array.from({ length: 20 }, (_, index) =>
        nextToken(processLogits(logits, [1, 2], { ...greedy, temperature: 2 }), 2, { seed, stream: 1 }, index),
      );
    assert.deepEqual(draw(5), draw(5));
    assert.notDeepEqual(draw(5), draw(6));
    assert.deepEqual([...logits], before);
  });
});
