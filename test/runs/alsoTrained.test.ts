import { strict as assert } from 'node:assert';
import type { Engine } from '../../webview/engine/train/engine';
import { stepWords } from '../../webview/engine/runtime/kernel';
import { relativeError } from '../engine/harness';
import { mergedWeights, plainLogits, text } from '../engine/mergedModel';
import {
  checkpointAt,
  eventsOf,
  lossesOf,
  resultOf,
  runJob,
  smallJob,
  type Overrides,
  type SmallFamily,
} from '../engine/smallRun';

const cases: readonly (readonly [SmallFamily, Overrides])[] = [
  ['gpt2', { method: { bias: 'all', modules_to_save: ['wte', 'ln_f'] } }],
  ['llama', { method: { modules_to_save: ['embed_tokens', 'norm', 'q_proj'] }, memory: { quantization: 'f16' } }],
  ['gpt2', { method: { bias: 'lora_only', target_modules: ['c_attn'] }, training: { load_best_model_at_end: true } }],
];

/** AdaLoRA freezes its choice at step 4; WeightLoRA freezes its set there, and WeightLoRA+ grows at 2 and 4. */
const evolving: readonly (readonly [SmallFamily, object])[] = [
  [
    'llama',
    { type: 'adalora', init_r: 4, target_r: 2, tinit: 1, tfinal: 2, modules_to_save: ['embed_tokens', 'norm'] },
  ],
  ['gpt2', { type: 'adalora', init_r: 3, target_r: 2, tfinal: 2, bias: 'lora_only', export_format: 'lora' }],
  ['llama', { type: 'weightlora', r: 3, k: 3, freeze_ratio: 0.7, modules_to_save: ['embed_tokens', 'k_proj'] }],
  [
    'gpt2',
    { type: 'weightlora', r: 2, growth: 'smart', fat_step: 2, lr_w: 0.5, bias: 'all', modules_to_save: ['ln_f'] },
  ],
];

describe('methods that change their structure, with whole modules and biases', () => {
  for (const [family, method] of evolving)
    it(`${family} ${JSON.stringify(method)} measures what it forecasts, resumes bit for bit, and merges`, async () => {
      const job = smallJob(family, { method, training: { save_steps: 1, learning_rate: 0.02 } });
      const inspected: Float32Array[] = [];
      const whole = await runJob(job, {
        inspect: async (engine, step) => {
          if (step === 6) inspected.push(await engine.logits(text, new Uint32Array(stepWords)));
        },
      });
      const memories = eventsOf(whole, 'memory');
      assert.ok(memories.length > 1);
      for (const { measured, forecast } of memories) assert.deepEqual(measured, forecast);
      for (const step of [1, 3, 5]) {
        const rest = await runJob({ ...job, checkpoint: checkpointAt(whole, step) });
        assert.deepEqual(lossesOf(rest), lossesOf(whole).slice(step), `from step ${step}`);
        assert.deepEqual(resultOf(rest), resultOf(whole));
      }
      const { weights } = mergedWeights(job, resultOf(whole));
      assert.ok(relativeError(await plainLogits(family, weights), inspected[0]) < 1e-5);
    });

  it('refuse an adapter that was trained with other modules', async () => {
    const method = { type: 'adalora', init_r: 3, target_r: 2, tinit: 0, tfinal: 1 };
    const once = { training: { max_steps: 2 } };
    const files = resultOf(
      await runJob(smallJob('llama', { ...once, method: { ...method, modules_to_save: ['norm'] } })),
    );
    const again = (keys: object) =>
      runJob({ ...smallJob('llama', { ...once, method: { ...method, ...keys, adapter: 'a' } }), adapter: files });
    await assert.rejects(again({}), /holds a trained model\.layers\.0\.input_layernorm\.weight/);
    await assert.rejects(again({ modules_to_save: ['norm', 'embed_tokens'] }), /holds no model\.embed_tokens\.weight/);
    await again({ modules_to_save: ['norm'] });
  });
});

describe('LoRA with whole modules and biases', () => {
  for (const [family, overrides] of cases)
    it(`${family} ${JSON.stringify(overrides.method)} measures what it forecasts and resumes bit for bit`, async () => {
      const job = smallJob(family, overrides);
      const whole = await runJob(job);
      const [memory] = eventsOf(whole, 'memory');
      assert.deepEqual(memory.measured, memory.forecast);
      const checkpoint = whole.find(output => output.kind === 'checkpoint');
      assert.ok(checkpoint?.kind === 'checkpoint' && checkpoint.step === 3);
      const rest = await runJob({ ...job, checkpoint: checkpoint.files });
      assert.deepEqual(lossesOf(rest), lossesOf(whole).slice(3));
      assert.deepEqual(rest.at(-1), whole.at(-1));
    });

  it('trains a base tensor and goes on from its export', async () => {
    const method = { init_lora_weights: true, modules_to_save: ['embed_tokens', 'norm'] };
    const trained = await tensorsAfter(smallJob('llama', { method }), 6);
    const base = await tensorsAfter(smallJob('llama', { method }), 0);
    for (const name of ['model.embed_tokens.weight', 'model.norm.weight'])
      assert.notDeepEqual(trained.tensors.get(name), base.tensors.get(name), name);
    const next = smallJob('llama', { method: { ...method, adapter: 'a' } });
    const again = await tensorsAfter({ ...next, adapter: trained.files }, 0);
    assert.deepEqual(again.tensors, trained.tensors);
  });
});

describe('evaluation', () => {
  const rows = (lines: readonly object[]) =>
    new TextEncoder().encode(lines.map(line => JSON.stringify(line)).join('\n'));
  const pairs = [1, 2, 3, 4].map(i => ({ prompt: `w${i} w${i + 4}`, completion: `w${i + 10} w${i + 20}` }));

  it('reports the share of completions that are exact, which learning raises', async () => {
    const overrides: Overrides = {
      full: true,
      training: { eval_exact_match: true, max_steps: 40, eval_steps: 40, learning_rate: 0.02, save_steps: 0 },
    };
    const job = {
      ...smallJob('llama', overrides),
      train: rows(pairs),
      eval: rows([...pairs, { prompt: 'w9', completion: 'w9' }]),
    };
    const outputs = await runJob(job);
    const shares = eventsOf(outputs, 'evaluation').map(event => event.exactMatch);
    assert.deepEqual(shares, [0, 0.8]);
    const [memory] = eventsOf(outputs, 'memory');
    assert.deepEqual(memory.measured, memory.forecast);
  }).timeout(120_000);

  it('finds the prompts also where the loss counts them, and needs no samples', async () => {
    const shared = { training: { eval_exact_match: true, max_steps: 1 }, samples: { prompts: [] } };
    const completions = { ...smallJob('gpt2', shared), train: rows(pairs), eval: rows(pairs) };
    const all = { ...smallJob('gpt2', { ...shared, data: { loss: 'all' } }), train: rows(pairs), eval: rows(pairs) };
    const [first, second] = await Promise.all(
      [completions, all].map(async job => eventsOf(await runJob(job), 'evaluation')),
    );
    assert.equal(second[0].exactMatch, first[0].exactMatch);
    assert.equal(first[0].lossTokens, 12);
    assert.equal(second[0].lossTokens, 16);
    assert.notEqual(second[0].loss, first[0].loss);
  });

  it('reports no share where it is not asked for', async () => {
    const outputs = await runJob(smallJob('gpt2', { training: { max_steps: 1 } }));
    assert.ok(eventsOf(outputs, 'evaluation').every(event => event.exactMatch === undefined));
  });
});

async function tensorsAfter(job: ReturnType<typeof smallJob>, step: number) {
  let tensors = new Map<string, Float32Array>();
  const inspect = async (engine: Engine, at: number) => {
    if (at === step) tensors = (await engine.readTrainables(false)).parameters;
  };
  const result = (await runJob(job, { inspect })).at(-1);
  assert.ok(result?.kind === 'result');
  return { tensors, files: result.files };
}
