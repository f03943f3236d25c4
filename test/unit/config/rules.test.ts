import assert from 'node:assert/strict';
import { allRules } from '../../../src/common/config/rules/all';
import { dataCases } from './cases/data';
import { loraCases } from './cases/lora';
import { memoryCases } from './cases/memory';
import { trainingCases } from './cases/training';
import { around, config, found, llama, repaired } from './surroundings';

const cases = [...dataCases, ...trainingCases, ...loraCases, ...memoryCases];

describe('lint rules', () => {
  for (const { id, bad, good, facts = {}, goodFacts = facts, at, severity, fixed } of cases) {
    it(`${id} finds ${JSON.stringify(bad)}${fixed === true ? ' and its fix ends it' : ''}`, () => {
      const text = config(bad);
      const hit = found(text, facts).find(diagnosis => diagnosis.code === id);
      assert.ok(hit, `not found in ${JSON.stringify(found(text, facts).map(one => one.message))}`);
      assert.equal(hit.severity, severity, hit.message);
      const marked = text.slice(hit.range.start, hit.range.end);
      assert.ok(marked.startsWith(at) || marked === JSON.stringify(at), `marks ${marked}`);
      const clean = found(config(good ?? bad), goodFacts).filter(diagnosis => diagnosis.code === id);
      assert.deepEqual(clean, []);
      if (fixed === true) assert.ok(!repaired(text, facts).some(diagnosis => diagnosis.code === id));
    });
  }

  it('finds nothing in a sound config', () => {
    assert.deepEqual(found(config(), around(llama)), []);
  });

  it('has a case for every rule, except those the parser enforces', () => {
    const tested = new Set(cases.map(({ id }) => id));
    assert.deepEqual(
      allRules.map(rule => rule.id).filter(id => !tested.has(id)),
      ['L10'],
    );
  });

  it('stays silent about what it cannot know', () => {
    const factual = cases.filter(({ facts }) => facts !== undefined).map(({ bad }) => found(config(bad)));
    const ids = new Set(factual.flat().map(({ code }) => code));
    for (const id of ['F01', 'D05', 'P01', 'R01', 'R04', 'R13', 'B03', 'M05', 'M15']) assert.ok(!ids.has(id), id);
  });
});
