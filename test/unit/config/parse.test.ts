import assert from 'node:assert/strict';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { applyFix } from '../../../src/common/config/fix';
import { maxConfigLength, parseConfig } from '../../../src/common/config/parse';
import { runConfigSchema } from '../../../src/common/config/schema';

const minimal = 'model: builtin:tiny\ndata:\n  train: a.jsonl\nmethod:\n  type: lora\n';

function only(text: string) {
  const { problems } = parseConfig(text);
  assert.equal(problems.length, 1, JSON.stringify(problems, null, 1));
  return problems[0];
}

describe('parseConfig', () => {
  it('fills in the defaults of PEFT and TrainingArguments', () => {
    const { value, problems } = parseConfig(minimal);
    assert.deepEqual(problems, []);
    assert.ok(value?.method.type === 'lora');
    const { r, lora_alpha, target_modules } = value.method;
    assert.deepEqual({ r, lora_alpha, target_modules }, { r: 8, lora_alpha: 8, target_modules: 'all-linear' });
    assert.equal(value.training.learning_rate, 5e-5);
    assert.equal(value.training.save_steps, 500);
  });

  it('reads JSON and exponents without a dot', () => {
    const json =
      '{\n\t"model": "m",\n\t"data": {"train": "t"},\n\t"method": {"type": "full"}, "training": {"learning_rate": 1e-4}}';
    assert.equal(parseConfig(json).value?.training.learning_rate, 1e-4);
  });

  it('takes a section with every key commented out as absent', () => {
    assert.ok(parseConfig(`${minimal}training:\n  # max_steps: 5\n`).value);
  });

  const cases: readonly (readonly [title: string, text: string, code: string, at: string, message: RegExp])[] = [
    [
      'unknown key with a near one',
      minimal.replace('train:', 'trian:'),
      'config.unknownKey',
      'trian',
      /Did you mean `train`/,
    ],
    ['word of another tool', `${minimal}  rank: 4\n`, 'config.unknownKey', 'rank', /Did you mean `r`/],
    ['key in the wrong section', `${minimal}seed: 4\n`, 'config.unknownKey', 'seed', /belongs to `training.seed`/],
    [
      'key of another method',
      minimal.replace('lora', 'full\n  r: 3'),
      'config.unknownKey',
      'r',
      /does not belong to method type `full`/,
    ],
    [
      'missing key',
      minimal.replace('  train: a.jsonl', '  max_length: 9'),
      'config.missingKey',
      'data',
      /`data` needs the key `train`/,
    ],
    [
      'wrong type',
      `${minimal}  r: eight\n`,
      'config.type',
      'eight',
      /`method.r` must be a whole number of at least 1; found the text "eight"/,
    ],
    [
      'wrong enum',
      `${minimal}memory: {quantization: fp16}\n`,
      'config.type',
      'fp16',
      /one of none, f16, nf4, fp4, int8; found the text "fp16"/,
    ],
    [
      'wrong method',
      minimal.replace('lora', 'lara'),
      'config.type',
      'lara',
      /one of full, lora, .*; found the text "lara"/,
    ],
    [
      'missing method type',
      minimal.replace('type: lora', '{}'),
      'config.missingKey',
      'method',
      /`method` needs the key `type`/,
    ],
    [
      'list entry',
      `${minimal}samples:\n  prompts: [a, 3]\n`,
      'config.type',
      '3',
      /`samples.prompts\[1\]` must be part of a list of texts; found 3/,
    ],
    [
      'table entry',
      `${minimal}  rank_pattern: {k_proj: 0}\n`,
      'config.type',
      '0',
      /whole numbers of at least 1; found 0/,
    ],
    [
      'rule of the optimizer',
      `${minimal}training: {adam_beta1: 1}\n`,
      'L10',
      '1',
      /of at least 0 and below 1; found 1/,
    ],
    [
      'rules of AdaLoRA',
      `${minimal.replace('lora', 'adalora')}  beta2: 1\n`,
      'A08',
      '1',
      /above 0 and below 1; found 1/,
    ],
    ['steps of AdaLoRA', `${minimal.replace('lora', 'adalora')}  total_step: 0\n`, 'A01', '0', /at least 1; found 0/],
    ['zero steps', `${minimal}training: {max_steps: 0}\n`, 'config.type', '0', /-1, or a whole number of at least 1/],
    ['text instead of a map', 'hello', 'config.type', 'hello', /must be a map of keys; found the text "hello"/],
    ['duplicate key', `${minimal}model: x\n`, 'yaml.DUPLICATE_KEY', 'm', /written twice/],
    ['two documents', `${minimal}---\na: 1\n`, 'yaml.MULTIPLE_DOCS', '---', /more than one YAML document/],
    ['unresolved alias', minimal.replace('a.jsonl', '*gone'), 'yaml.BAD_ALIAS', '', /alias/i],
    ['bytes that are not UTF-8', `${minimal}name: caf\uFFFD`, 'config.encoding', '\uFFFD', /not UTF-8/],
  ];
  for (const [title, text, code, at, message] of cases) {
    it(title, () => {
      const found = only(text);
      assert.equal(found.code, code);
      assert.match(found.message, message);
      const marked = text.slice(found.range.start, found.range.end);
      assert.ok(marked.startsWith(at), `marks ${JSON.stringify(marked)}`);
      assert.ok(found.hint.length > 0);
    });
  }

  it('says what an empty file needs', () => {
    assert.match(only('').message, /needs `model`, `data`, `method`/);
    assert.match(only('# nothing\n').message, /The config is empty/);
  });

  it('refuses alias bombs, depth and size without hanging', () => {
    const bomb = Array.from({ length: 30 }, (_, i) => `k${i + 1}: &a${i + 1} [*a${i},*a${i},*a${i},*a${i}]`).join('\n');
    assert.match(parseConfig(`k0: &a0 [x]\n${bomb}`).problems[0].message, /expand to too much/);
    assert.equal(parseConfig('['.repeat(50_000)).problems[0].code, 'config.tooDeep');
    assert.equal(parseConfig('- '.repeat(20_000)).problems[0].code, 'config.tooDeep');
    assert.equal(parseConfig('a'.repeat(maxConfigLength + 1)).problems[0].code, 'config.tooLarge');
    assert.ok(parseConfig('&a {model: *a, data: *a}').problems.length > 0);
  });

  const repaired: readonly (readonly [title: string, text: string, result: string])[] = [
    ['renames', `${minimal}  rank: 4 # four\n`, `${minimal}  r: 4 # four\n`],
    ['moves', `${minimal}seed: 4\ntraining:\n  max_steps: 2\n`, `${minimal}training:\n  max_steps: 2\n  seed: 4\n`],
    ['takes quotes away', `${minimal}  r: "4"\n`, `${minimal}  r: 4\n`],
    ['picks the value meant', minimal.replace('lora', 'loar # x'), minimal.replace('lora', 'lora # x')],
    [
      'adds what is missing',
      minimal.replace('model: builtin:tiny\n', ''),
      minimal.replace('model: builtin:tiny\n', '') + 'model: builtin:tiny\n',
    ],
  ];
  for (const [title, text, result] of repaired) {
    it(`a fix ${title}`, () => assert.equal(applyFix(text, only(text).fixes[0]), result));
  }

  it('never throws and keeps every range inside the text', () => {
    const pieces = fc.constantFrom(
      'model',
      ': ',
      '\n',
      '  ',
      '- ',
      '{',
      '}',
      '[',
      ']',
      '&a ',
      '*a',
      '"',
      "'",
      '|',
      '#',
      '__proto__',
      '1e9',
      '!x ',
    );
    const soup = fc
      .array(fc.oneof(pieces, fc.string({ maxLength: 4 })), { maxLength: 40 })
      .map(parts => parts.join(''));
    const broken = fc.tuple(fc.nat(minimal.length), fc.nat(8), fc.string({ maxLength: 6 }));
    const mutated = broken.map(([at, cut, put]) => minimal.slice(0, at) + put + minimal.slice(at + cut));
    fc.assert(
      fc.property(fc.oneof(soup, mutated, fc.string({ unit: 'binary' })), text => {
        const parsed = parseConfig(text);
        assert.equal(
          parsed.value === undefined,
          parsed.problems.some(p => p.severity === 'error'),
        );
        for (const { range } of parsed.problems) {
          assert.ok(range.start >= 0 && range.start <= range.end && range.end <= text.length);
        }
      }),
      { numRuns: 200 },
    );
  }).timeout(20_000);

  it('reads back every config it can be given', () => {
    const name = fc.string({ minLength: 1, unit: 'grapheme' }).filter(text => !/[\u0000\uFFFD]/.test(text));
    const config = fc.record(
      {
        name,
        model: name,
        data: fc.record({ train: name, max_length: fc.integer({ min: 1, max: 1 << 20 }), shuffle: fc.boolean() }),
        method: fc.record({
          type: fc.constant('lora'),
          r: fc.integer({ min: 1 }),
          rank_pattern: fc.dictionary(name, fc.integer({ min: 1 })),
        }),
        samples: fc.record({ prompts: fc.array(name), temperature: fc.double({ min: 0, max: 9, noNaN: true }) }),
      },
      { requiredKeys: ['model', 'data', 'method'] },
    );
    fc.assert(
      fc.property(config, value => {
        assert.deepEqual(parseConfig(stringify(value)).value, runConfigSchema.parse(value));
        assert.deepEqual(parseConfig(JSON.stringify(value)).value, runConfigSchema.parse(value));
      }),
      { numRuns: 60 },
    );
  }).timeout(20_000);
});
