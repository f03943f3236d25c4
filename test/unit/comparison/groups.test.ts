import assert from 'node:assert/strict';
import { cautionsOf, isApart } from '../../../src/common/comparison/cautions';
import { bestEvalLoss } from '../../../src/common/comparison/comparedRun';
import { definitionText, parseDefinition, type ComparisonDefinition } from '../../../src/common/comparison/definition';
import { groupState, groupVariants } from '../../../src/common/comparison/groups';
import { ProblemError } from '../../../src/common/errors';
import { runOf, variantsFor, type Shape } from './runs';

const methods = { kind: 'methods' as const };
const full = { method: { type: 'full' } };
const fewShot = { method: { type: 'few-shot' }, losses: [5.5] };

/** Ids and texts of the cautions for runs of these shapes. */
function cautions(
  shapes: readonly Shape[],
  definition: { kind: 'methods' | 'sweep'; key?: string } = methods,
): string[] {
  const groups = groupVariants(variantsFor(...shapes.map(runOf)));
  return cautionsOf(definition, groups).map(({ id, message }) => `${id} ${message}`);
}

function has(texts: readonly string[], pattern: RegExp): boolean {
  return texts.some(text => pattern.test(text));
}

describe('groups of a comparison', () => {
  it('gather seeds: mean, interval, progress from the untouched base, memory on the GPU, tokens and time', () => {
    const losses = [4, 4.2, 4.4].map((last, i) => runOf({ seed: i, losses: [6, 5, last, last + 1] }));
    const [lora, few] = groupVariants(variantsFor(...losses, runOf(fewShot)));
    assert.equal(lora.evalLoss?.mean.toFixed(6), '4.200000');
    assert.equal(lora.evalLoss?.half?.toFixed(4), '0.4968');
    assert.equal(lora.delta?.toFixed(6), '-1.800000');
    assert.deepEqual([lora.peakBytes, lora.tokens, lora.trainMs, lora.trainable], [120, 192, 30, 10]);
    assert.deepEqual([few.evalLoss?.mean, few.delta, few.trainMs, few.trains], [5.5, -0.5, undefined, false]);
    assert.equal(groupState(lora), '3 of 3 done');
  });

  it('the evaluation before the first step is not a result of training', () => {
    assert.equal(bestEvalLoss(runOf({ losses: [4, 5, 6] })), 5);
    assert.equal(bestEvalLoss(runOf({ losses: [4] })), undefined);
  });

  it('count what has ended; without it what is under way; never what failed', () => {
    const runs = [
      runOf({ seed: 1, losses: [6, 4] }),
      runOf({ seed: 2, losses: [6, 1], state: 'failed' }),
      runOf({ seed: 3, losses: [6, 2], state: 'running' }),
    ];
    const [all] = groupVariants(variantsFor(...runs));
    assert.deepEqual([all.evalLoss?.mean, all.isProvisional], [4, false]);
    const [live] = groupVariants(variantsFor(...runs.slice(1)));
    assert.deepEqual([live.evalLoss?.mean, live.isProvisional], [2, true]);
    assert.equal(groupState(all), '1 of 3 done, 1 failed, running, step 3 of 3');
    const [none] = groupVariants(variantsFor('lora'));
    assert.deepEqual([none.evalLoss, groupState(none)], [undefined, 'queued']);
  });
});

describe('cautions', () => {
  const three = (shape: Shape, lasts: readonly number[]): Shape[] =>
    lasts.map((last, i) => ({ ...shape, seed: i + 1, losses: [6, last] }));

  it('E02: few seeds; gone with three', () => {
    assert.ok(has(cautions([{}, full]), /^E02 One seed each/));
    const enough = [...three({}, [4, 4.01, 4.02]), ...three(full, [5, 5.01, 5.02])];
    assert.ok(!has(cautions(enough), /E02/));
  });

  it('E02: methods that chance may have ordered, by paired seeds', () => {
    const noisy = [...three({}, [4, 4.5, 5]), ...three(full, [4.1, 4.4, 5.2])];
    assert.ok(has(cautions(noisy), /^E02 lora is not told apart from full/));
    // The spread between seeds is shared, the difference within each is not: pairs tell them apart.
    const paired = [...three({}, [4, 4.5, 5]), ...three(full, [4.1, 4.61, 5.1])];
    assert.ok(!has(cautions(paired), /not told apart/));
    const [a, b] = groupVariants(variantsFor(...paired.map(runOf)));
    assert.equal(isApart(a, b), true);
  });

  it('E03: what differs beside the method, and not what a sweep changes on purpose', () => {
    const more = { ...full, training: { gradient_accumulation_steps: 4 }, steps: 5, data: { max_length: 32 } };
    const texts = cautions([{}, { ...more, evalHash: 'other' }]);
    for (const what of [/rows a step/, /number of steps/, /length to which/, /evaluation rows/, /amounts of tokens/])
      assert.ok(has(texts, what), String(what));
    const swept = cautions([{ steps: 3 }, { steps: 5, seed: 2 }], { kind: 'sweep', key: 'training.max_steps' });
    assert.ok(!has(swept, /E03/), swept.join('\n'));
  });

  it('E03: placeholders of P-tuning are no difference in data', () => {
    const longer = (type: string) => cautions([{}, { method: { type }, steps: 5 }]);
    assert.ok(has(longer('prefix'), /amounts of tokens/));
    assert.ok(!has(longer('p-tuning'), /amounts of tokens/));
  });

  it('Q10: bases of different precision', () => {
    assert.ok(has(cautions([{}, { ...full, memory: { quantization: 'f16' } }]), /^Q10 .*f32, f16/));
  });

  it('E04: one learning rate a method; a best value at the edge of a sweep', () => {
    assert.ok(has(cautions([{}, full]), /^E04 Each method ran at one/));
    const sweep = [1, 2, 3].map(r => runOf({ method: { type: 'lora', r }, losses: [6, 5 - r] }));
    const variants = sweep.map((run, i) => ({ ...variantsFor(run)[0], group: String(i + 1), label: `r ${i + 1}` }));
    const texts = cautionsOf({ kind: 'sweep', key: 'method.r' }, groupVariants(variants)).map(one => one.message);
    assert.ok(has(texts, /best value of method.r is the highest one tried \(3\)/));
  });

  it('E07 to E09: no effect, failures, missing baselines', () => {
    assert.ok(has(cautions([{ losses: [6, 6, 6] }]), /^E07 lora-s1 did not change/));
    assert.ok(has(cautions([{}, { seed: 2, state: 'failed' }]), /^E08 lora-1.peft.yaml failed .* It broke\./));
    assert.ok(has(cautions([{}]), /^E09 Few-shot prompting is missing/));
    assert.ok(!has(cautions([{}, fewShot]), /E09/));
    assert.ok(has(cautions([{ method: { type: 'prefix' } }]), /^E09 No run starts as the untouched/));
  });

  it('exact match over few rows is wide', () => {
    assert.ok(has(cautions([{ exactMatch: 0.5 }]), /^E02 Exact match counts 2 rows/));
  });

  it('say nothing before there is a number', () => {
    assert.deepEqual(cautions([{ losses: [6] }]), []);
  });
});

describe('comparison.json', () => {
  const definition: ComparisonDefinition = {
    version: 1,
    name: 'x',
    kind: 'sweep',
    question: '',
    base: '../../a.peft.yaml',
    key: 'method.r',
    variants: [{ group: '4', label: 'r 4', seed: 1, config: 'x-4.peft.yaml' }],
  };

  it('is read as it was written', () => {
    assert.deepEqual(parseDefinition(definitionText(definition), 'p'), definition);
  });

  for (const [what, text, expected] of [
    ['no JSON', '{', /^p is not JSON/],
    ['another version', definitionText(definition).replace('1,', '2,'), /key version/],
    [
      'a config elsewhere',
      definitionText(definition).replace('x-4.', '../x-4.'),
      /variants.0.config: must be a file name/,
    ],
  ] as const) {
    it(`refuses ${what} and says where`, () => {
      assert.throws(
        () => parseDefinition(text, 'p'),
        (error: unknown) => error instanceof ProblemError && expected.test(error.problem.message),
      );
    });
  }
});
