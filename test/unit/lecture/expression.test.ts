import assert from 'node:assert/strict';
import { holds, valueOf } from '../../lecture/expression';

const numbers: Readonly<Record<string, number>> = { 'a.loss': 4, 'rate-6e-3.loss': 5, 'b-2.weights': 10 };
const lookup = (run: string, measure: string) => numbers[`${run}.${measure}`];
const value = (text: string) => valueOf(text, lookup);
const check = (text: string) => holds(text, lookup);

describe('expressions of the lecture', () => {
  it('compute as on paper', () => {
    assert.equal(value('1 + 2 * 3'), 7);
    assert.equal(value('(1 + 2) * 3'), 9);
    assert.equal(value('10 - 2 - 3'), 5);
    assert.equal(value('8 / 2 / 2'), 2);
    assert.equal(value('b-2.weights / a.loss - 0.5'), 2);
    assert.equal(value(' rate-6e-3.loss '), 5);
  });

  it('compare, link by link', () => {
    assert.equal(check('a.loss < rate-6e-3.loss'), true);
    assert.equal(check('a.loss > 5'), false);
    assert.equal(check('3 < a.loss <= 4 = 4'), true);
    assert.equal(check('1 < 3 < 2'), false);
    assert.equal(check('3 < 2 < 5'), false);
    assert.equal(check('a.loss >= 4.5'), false);
  });

  it('say what cannot be read', () => {
    assert.throws(() => check('a.loss'), /compares nothing/);
    assert.throws(() => value('a.loss < 3'), /goes on/);
    assert.throws(() => value('1 2'), /goes on/);
    assert.throws(() => value('(1 + 2'), /not closed/);
    assert.throws(() => value('1 +'), /lacks a number/);
    assert.throws(() => value('1 ? 2'), /cannot be read from " \? 2"/);
    assert.throws(() => value(''), /lacks a number/);
  });
});
