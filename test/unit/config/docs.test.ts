import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { generatedDocs } from '../../../src/common/config/docs';
import { diagnose } from '../../../src/common/config/lint';
import { rootKeys, type KeyInfo } from '../../../src/common/config/keys';
import { methodChoices } from '../../../src/common/config/methodChoices';
import { newConfigText } from '../../../src/common/config/newConfig';
import { parseConfig } from '../../../src/common/config/parse';
import { allRules } from '../../../src/common/config/rules/all';
import { editDistance, nearest } from '../../../src/common/config/suggest';
import { around, llama } from './surroundings';

const docs = generatedDocs();

function allKeys(keys: readonly KeyInfo[] = rootKeys): KeyInfo[] {
  return keys.flatMap(key => [key, ...allKeys(key.children)]);
}

describe('generated documentation', () => {
  it('is committed as it would be written', () => {
    for (const [path, content] of Object.entries(docs)) assert.equal(readFileSync(path, 'utf8'), content, path);
  });

  it('has an anchor for every rule and every key', () => {
    for (const rule of allRules) assert.ok(docs['docs/lint-rules.md'].includes(`<a id="${rule.id}"></a>`), rule.id);
    for (const key of allKeys()) assert.ok(docs['docs/config-reference.md'].includes(key.name), key.name);
  });

  it('explains every key in a sentence', () => {
    for (const key of allKeys()) assert.match(key.description, /^.{8,}[.`}]$/s, key.name);
    for (const { change, differs, name } of allKeys()) {
      assert.match(change ?? 'x.', /[.)]$/, name);
      assert.match(differs ?? 'X.', /^[A-Z].*\.$/s, name);
    }
  });

  it('explains every rule and gives each an id of its own', () => {
    assert.equal(new Set(allRules.map(({ id }) => id)).size, allRules.length);
    for (const rule of allRules) {
      assert.match(rule.id, /^[A-Z]\d\d$/);
      for (const sentence of [rule.why, rule.advice]) assert.match(sentence, /^[A-Z0-9`].*[.)]$/s, rule.id);
      assert.doesNotMatch(rule.title, /\.$/, rule.id);
    }
  });

  it('gives examples that the schema accepts', () => {
    const base = (method: string) => ({ model: 'm', data: { train: 't' }, method: { type: method } });
    const check = (section: string, keys: readonly KeyInfo[], method: string) => {
      for (const key of keys)
        for (const example of key.examples) {
          const config: Record<string, unknown> = base(method);
          config[section] = { ...(config[section] as object | undefined), [key.name]: example };
          assert.deepEqual(parseConfig(JSON.stringify(config)).problems, [], `${section}.${key.name} of ${method}`);
        }
    };
    for (const { name, children, variants } of rootKeys)
      if (variants === undefined) check(name, children, 'lora');
      else for (const [method, keys] of variants) check(name, keys, method);
  });

  it('is a JSON schema with help on every key', () => {
    const schema = JSON.parse(docs['media/schema/peft-config.schema.json']) as Record<string, unknown>;
    assert.equal(schema['$schema'], 'http://json-schema.org/draft-07/schema#');
    const text = JSON.stringify(schema);
    assert.ok(!text.includes('"change"') && !text.includes('"differs"') && !text.includes('9007199254740991'));
    assert.ok(text.includes('Change it when'));
  });
});

describe('newConfigText', () => {
  const choices = methodChoices.flatMap(method =>
    [undefined, 'data/eval.jsonl'].map(evaluation => ({
      name: `it's: ${method}`,
      method,
      model: 'builtin:tiny',
      train: 'data/train.jsonl',
      eval: evaluation,
      prompts: ['Define LOVE:', '# no comment'],
    })),
  );
  for (const choice of choices) {
    it(`${choice.method}${choice.eval === undefined ? '' : ' with evaluation'} has nothing to object to`, () => {
      const parsed = parseConfig(newConfigText(choice, llama.facts));
      const objections = diagnose(parsed, around(llama)).filter(({ severity }) => severity !== 'info');
      assert.deepEqual(objections, []);
      assert.equal(parsed.value?.name, choice.name);
      const evaluation = choice.eval ?? (choice.method === 'few-shot' ? 'data/eval.jsonl' : undefined);
      assert.equal(parsed.value.data.eval, evaluation);
      assert.deepEqual(parsed.value.samples.prompts, choice.eval === undefined ? [] : choice.prompts);
    });
  }
});

describe('suggestions', () => {
  it('count letters and swaps', () => {
    const pairs = [
      ['', 'abc', 3],
      ['trian', 'train', 1],
      ['kitten', 'sitting', 3],
      ['same', 'same', 0],
    ] as const;
    for (const [a, b, distance] of pairs) assert.equal(editDistance(a, b), distance);
  });

  it('take only what is near, in any spelling', () => {
    assert.equal(nearest('maxLength', ['max_length', 'max_steps']), 'max_length');
    assert.equal(nearest('max-lenght', ['max_length']), 'max_length');
    assert.equal(nearest('colour', ['max_length', 'r']), undefined);
    assert.equal(nearest('x'.repeat(100_000), ['max_length']), undefined);
  });
});
