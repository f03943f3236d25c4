import assert from 'node:assert/strict';
import { disableEdit } from '../../../src/common/config/disable';
import { fixAll } from '../../../src/common/config/lint';
import { allRules } from '../../../src/common/config/rules/all';
import { adaloraCases } from './cases/adalora';
import { adapterCases } from './cases/adapters';
import { dataCases } from './cases/data';
import { fewShot, fewShotCases } from './cases/fewShot';
import { loraCases } from './cases/lora';
import { lowRankCases } from './cases/lowRank';
import { memoryCases } from './cases/memory';
import { promptCases } from './cases/prompts';
import { quantizationCases } from './cases/quantization';
import { trainingCases } from './cases/training';
import { weightloraCases } from './cases/weightlora';
import { around, config, found, llama, repair, split } from './surroundings';

const cases = [
  ...dataCases,
  ...trainingCases,
  ...loraCases,
  ...lowRankCases,
  ...adapterCases,
  ...fewShotCases,
  ...memoryCases,
  ...promptCases,
  ...quantizationCases,
  ...adaloraCases,
  ...weightloraCases,
];

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
      if (fixed === true) {
        const after = repair(text, id, facts);
        assert.deepEqual(
          found(after, facts).filter(({ code }) => code === id || code.includes('.')),
          [],
        );
        assert.ok(after.startsWith('# a comment\n'));
      }
    }).timeout(20_000);
  }

  it('finds nothing in a sound config', () => {
    assert.deepEqual(found(config(), around(llama)), []);
    assert.deepEqual(found(config(fewShot()), around(llama)), []);
  });

  it('has a case for every rule, except those that other places report', () => {
    const tested = new Set(cases.map(({ id }) => id));
    assert.deepEqual(
      allRules.map(rule => rule.id).filter(id => !tested.has(id)),
      ['L10', 'R15', 'A01', 'A08', 'A11', 'A12', 'X09', 'Q07', 'Q08', 'Q10'],
    );
  });

  it('stays silent about what it cannot know', () => {
    const factual = cases.filter(({ facts }) => facts !== undefined).map(({ bad }) => found(config(bad)));
    const ids = new Set(factual.flat().map(({ code }) => code));
    for (const id of ['F01', 'D05', 'P01', 'R01', 'R04', 'R13', 'B03', 'M05', 'M15']) assert.ok(!ids.has(id), id);
  });
});

describe('fix all', () => {
  it('repairs everything that has a preferred fix and keeps comments', () => {
    const changes = {
      'method.r': 100,
      'training.learning_rate': 1,
      'training.warmup_ratio': 1,
      'memory.quantization': 'f17',
    };
    const text = config(changes).replace('seed:', 'sead:');
    const after = fixAll(text, around(llama));
    assert.deepEqual(
      found(after, around(llama)).filter(({ fixes }) => fixes.some(fix => fix.preferred === true)),
      [],
    );
    assert.match(after, /seed: 1 # keep seed\n/);
    assert.match(after, /quantization: f16 # keep quantization\n/);
  });

  it('ends when fixes contradict each other', () => {
    const text = config({ 'training.max_steps': 99 });
    assert.equal(typeof fixAll(text, { data: { train: split(3), sameText: 0, samePrompt: 0 } }), 'string');
  });
});

describe('disable comments', () => {
  const text = config({ 'method.lora_dropout': 0.5, 'training.weight_decay': 1 });
  const ids = (changed: string) => found(changed).map(({ code }) => code);
  const dropout = 'lora_dropout: 0.5 # keep lora_dropout';

  it('switch rules off for a line, the next line and the file', () => {
    assert.deepEqual(ids(text), ['R16', 'L11']);
    assert.deepEqual(ids(text.replace(dropout, 'lora_dropout: 0.5 # peft-disable R16')), ['L11']);
    assert.deepEqual(ids(text.replace(dropout, 'lora_dropout: 0.5 # peft-disable L11')), ['R16', 'L11']);
    assert.deepEqual(ids(text.replace(dropout, `# peft-disable-next-line r16, L11\n  ${dropout}`)), ['L11']);
    assert.deepEqual(ids(`# peft-disable L11 R16\n${text}`), []);
    assert.deepEqual(ids(`# peft-disable\n${text}`), []);
    assert.deepEqual(ids(`# peft-disabled\n${text}`), ['R16', 'L11']);
  });

  it('are written after what stands on the line', () => {
    const offset = text.indexOf('0.5');
    const once = insert(text, disableEdit(text, 'R16', offset));
    assert.match(once, /lora_dropout: 0.5 # keep lora_dropout # peft-disable R16\n/);
    assert.deepEqual(ids(once), ['L11']);
    assert.match(insert(once, disableEdit(once, 'R17', offset)), /# peft-disable R16 R17\n/);
  });

  it('do not hide what makes the config unreadable', () => {
    assert.deepEqual(ids(`# peft-disable\n${text}nonsense: 1\n`), ['config.unknownKey']);
  });
});

function insert(text: string, { at, newText }: { at: number; newText: string }): string {
  return text.slice(0, at) + newText + text.slice(at);
}
