import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { nearestSize } from '../../../src/common/comparison/matching';
import { choiceOf, methodChoices, startingSection } from '../../../src/common/config/methodChoices';
import { methodChange, sweepChange, variantsOf, type BaseConfig } from '../../../src/common/comparison/variants';
import { diagnose } from '../../../src/common/config/lint';
import { parseConfig } from '../../../src/common/config/parse';
import { recommendedRate } from '../../../src/common/config/recommendedRate';
import type { RunConfig } from '../../../src/common/config/schema';
import { root } from '../../tools/process.mjs';
import { around, llama } from '../config/surroundings';

const example = readFileSync(join(root, 'media/examples/devil/lora.peft.yaml'), 'utf8');
const facts = around(llama);
const place = { comparison: 'bake-off', back: '../../', note: 'A variant.' };
const same = { matchParameters: false, recommendedRate: false };

function valueOf(text: string): RunConfig {
  const { value, problems } = parseConfig(text);
  assert.deepEqual(problems, []);
  assert.ok(value);
  return value;
}

function base(text = example): BaseConfig {
  return { text, config: valueOf(text), totalSteps: 200, model: facts.model, forecast: facts.forecast };
}

function trainable(config: RunConfig): number {
  const result = facts.forecast?.(config);
  assert.ok(result && !('problem' in result));
  return result.trainableParameters;
}

describe('variants of a config', () => {
  for (const choice of methodChoices) {
    it(`${choice}: has no problem and keeps data, seed and steps`, () => {
      const before = base();
      const [variant] = variantsOf(before, methodChange(before, choice, same), [1], place);
      const config = valueOf(variant.text);
      const errors = diagnose(parseConfig(variant.text), facts).filter(found => found.severity === 'error');
      assert.deepEqual(errors, []);
      assert.equal(choiceOf(config), choice);
      assert.equal(config.name, `bake-off-${choice.replace('+', '-plus')}`);
      assert.deepEqual(config.training, before.config.training);
      const back = (path: string | undefined) => `../../${path}`;
      const { train, eval: evaluation } = before.config.data;
      assert.deepEqual(config.data, { ...before.config.data, train: back(train), eval: back(evaluation) });
      assert.deepEqual(config.samples, before.config.samples);
      assert.match(variant.text, /^# A variant\.\n/);
      assert.match(variant.text, /max_length: 128 # tokens; the longest row has 114/);
    });

    it(`${choice}: gets the recommended rate of its method, and no other key changes`, () => {
      const before = base();
      const change = methodChange(before, choice, { ...same, recommendedRate: true });
      const config = valueOf(variantsOf(before, change, [1], place)[0].text);
      const rate = recommendedRate(config.method, facts.model) ?? before.config.training.learning_rate;
      assert.deepEqual(config.training, { ...before.config.training, learning_rate: rate });
    });
  }

  for (const choice of methodChoices.filter(one => !['full', 'few-shot', 'lora', 'qlora'].includes(one))) {
    it(`${choice}: matched parameters are the nearest that its size allows`, () => {
      const before = base();
      const config = valueOf(
        variantsOf(before, methodChange(before, choice, { ...same, matchParameters: true }), [1], place)[0].text,
      );
      const target = trainable(before.config);
      const size = (by: number): RunConfig => {
        const { method } = config;
        if ('init_r' in method) return { ...config, method: { ...method, init_r: method.init_r + by } };
        if (method.type === 'bottleneck')
          return { ...config, method: { ...method, bottleneck_size: (method.bottleneck_size ?? 0) + by } };
        if (method.type === 'p-tuning')
          return { ...config, method: { ...method, encoder_hidden_size: (method.encoder_hidden_size ?? 0) + by } };
        if ('num_virtual_tokens' in method)
          return { ...config, method: { ...method, num_virtual_tokens: method.num_virtual_tokens + by } };
        return {
          ...config,
          method: { ...method, r: ('r' in method ? (method.r ?? 0) : 0) + by } as RunConfig['method'],
        };
      };
      const room = llama.facts.maxPositions - config.data.max_length;
      const distance = (one: RunConfig): number => {
        const isBeyond =
          'init_weights' in one.method && 'num_virtual_tokens' in one.method && one.method.num_virtual_tokens > room;
        return isBeyond ? Infinity : Math.abs(trainable(one) - target);
      };
      assert.ok(distance(config) <= distance(size(1)), 'one more is nearer');
      assert.ok(distance(config) <= distance(size(-1)), 'one less is nearer');
    });
  }

  it('the method of the base keeps its section word for word', () => {
    const before = base();
    const [variant] = variantsOf(before, methodChange(before, 'lora', same), [1], place);
    assert.match(variant.text, / {2}r: 16 # rank of each update; 150 thousand numbers/);
  });

  it('seeds give one file each with that seed', () => {
    const before = base();
    const variants = variantsOf(before, sweepChange('method.r', 4), [1, 2, 3], place);
    assert.deepEqual(
      variants.map(({ name, text }) => [name, valueOf(text).training.seed, valueOf(text).method]),
      [1, 2, 3].map(seed => [`bake-off-4-s${seed}`, seed, { ...before.config.method, r: 4 }]),
    );
  });

  it('relative paths lead to the same files, others stay, and a replaced method takes its adapter along', () => {
    const text = example
      .replace('builtin:tiny', './model')
      .replace('data/devil.train', '/abs/train')
      .replace('data/devil.eval', '..\\\\eval')
      .replace('  r: 16', '  adapter: first\n  r: 16');
    const before = base(text);
    const kept = valueOf(variantsOf(before, sweepChange('method.r', 4), [1], place)[0].text);
    assert.deepEqual(
      [kept.model, kept.data.train, 'adapter' in kept.method && kept.method.adapter],
      ['../../model', '/abs/train.jsonl', '../../first'],
    );
    const other = valueOf(variantsOf(before, methodChange(before, 'prefix', same), [1], place)[0].text);
    assert.doesNotMatch(other.method.type + JSON.stringify(other.method), /first/);
  });

  it('evaluates even if the base config does not', () => {
    const before = base(example.replace(/^ {2}eval_steps.*\n/m, ''));
    const config = valueOf(variantsOf(before, methodChange(before, 'full', same), [1], place)[0].text);
    assert.equal(config.training.eval_steps, 20);
  });

  it('a JSON config stays JSON', () => {
    const text = JSON.stringify({ model: 'm', data: { train: 't', eval: 'e' }, method: { type: 'lora' } });
    const before = base(text);
    const [variant] = variantsOf(before, methodChange(before, 'adalora', same), [7], place);
    const value = JSON.parse(variant.text) as RunConfig;
    assert.deepEqual([value.method.type, value.training.seed, value.model], ['adalora', 7, '../../m']);
  });

  it('AdaLoRA is scheduled by the length of the run', () => {
    const { tinit, tfinal, deltaT } = startingSection('adalora', 1000);
    assert.deepEqual([tinit, tfinal, deltaT], [100, 450, 5]);
  });
});

describe('nearestSize', () => {
  it('finds what trying every size finds', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 0, max: 4000 }), (slope, target) => {
        const count = (size: number) => 7 + slope * size;
        const found = nearestSize(target, count) ?? 0;
        const sizes = Array.from({ length: 4096 }, (_, i) => i + 1);
        const least = Math.min(...sizes.map(size => Math.abs(count(size) - target)));
        return Math.abs(count(found) - target) === least;
      }),
      { numRuns: 50 },
    );
  });

  it('stops where sizes become impossible', () => {
    assert.equal(
      nearestSize(1e9, size => (size > 100 ? undefined : size)),
      100,
    );
    assert.equal(
      nearestSize(5, () => undefined),
      undefined,
    );
  });
});
