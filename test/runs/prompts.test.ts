import { strict as assert } from 'node:assert';
import { ProblemError } from '../../src/common/errors';
import { forecast } from '../../webview/engine/forecast';
import { readSafetensors } from '../../webview/engine/formats/safetensors';
import { readPromptAdapter } from '../../webview/engine/formats/promptAdapter';
import { parseModelConfig } from '../../webview/engine/model/config';
import type { Engine } from '../../webview/engine/train/engine';
import { stepWords } from '../../webview/engine/runtime/kernel';
import { GenerationSession } from '../../webview/engine/generate/session';
import { relativeError, testDevice } from '../engine/harness';
import { eventsOf, runJob, smallJob, type Overrides, type SmallFamily, lossesOf, resultOf } from '../engine/smallRun';

const method = (fields: object): Overrides => ({ method: fields });
const prefix = (fields: object = {}) => method({ type: 'prefix', num_virtual_tokens: 5, ...fields });
const v2 = (fields: object = {}) => method({ type: 'p-tuning-v2', num_virtual_tokens: 4, ...fields });
const prompt = (fields: object = {}) =>
  method({ type: 'p-tuning', num_virtual_tokens: 5, encoder_hidden_size: 12, ...fields });
const text = 'w1 w2 w3 w4 w5 w6';

const cases: readonly (readonly [SmallFamily, Overrides])[] = [
  ['gpt2', prefix({ init_weights: 'normal' })],
  ['llama', { ...prefix({ prefix_projection: true, encoder_hidden_size: 12 }), memory: { quantization: 'f16' } }],
  ['llama', prefix({ init_weights: 'text', init_text: text })],
  ['llama', v2({ prefix_dropout: 0.3 })],
  ['gpt2', v2({ prefix_projection: true, prefix_hidden_size: 8 })],
  ['gpt2', prompt()],
  ['llama', prompt({ encoder_reparameterization_type: 'LSTM', encoder_dropout: 0.2 })],
];

const prompted = [5, 9, 33];

/** Logits after `prompted` at a step of a run. */
async function logitsAt(family: SmallFamily, overrides: Overrides, at: number, job = {}): Promise<Float32Array> {
  let logits = new Float32Array();
  const inspect = async (engine: Engine, step: number) => {
    if (step === at) logits = Float32Array.from(await engine.logits(prompted, new Uint32Array(stepWords)));
  };
  const training = { max_steps: Math.max(1, at), eval_steps: undefined, save_steps: 0, ...overrides.training };
  await runJob(smallJob(family, { ...overrides, training }, job), { inspect });
  return logits;
}

const rejects = (job: Promise<unknown>, code: string, words: RegExp) =>
  assert.rejects(job, (error: unknown) => {
    assert.ok(error instanceof ProblemError, String(error));
    assert.equal(error.problem.code, code);
    assert.match(`${error.problem.message} ${error.problem.hint ?? ''}`, words);
    return true;
  });

describe('virtual tokens', () => {
  for (const [family, overrides] of cases)
    it(`on ${family} ${JSON.stringify(overrides.method)} measure what they forecast and resume bit for bit`, async () => {
      const job = smallJob(family, overrides);
      const whole = await runJob(job);
      const [memory] = eventsOf(whole, 'memory');
      assert.deepEqual(memory.measured, memory.forecast);
      const planned = forecast(job.config, parseModelConfig(job.model.config, family));
      assert.equal(planned.trainableParameters, eventsOf(whole, 'started')[0].trainableParameters);
      const checkpoint = whole.find(output => output.kind === 'checkpoint');
      assert.ok(checkpoint?.kind === 'checkpoint' && checkpoint.step === 3);
      const rest = await runJob({ ...job, checkpoint: checkpoint.files });
      assert.deepEqual(lossesOf(rest), lossesOf(whole).slice(3));
      assert.deepEqual(resultOf(rest), resultOf(whole));
      assert.deepEqual(eventsOf(rest, 'sample').at(-1), eventsOf(whole, 'sample').at(-1));
      assert.deepEqual(eventsOf(rest, 'importance'), eventsOf(whole, 'importance').slice(2));
      const [before, ...after] = eventsOf(whole, 'evaluation').map(event => event.loss);
      assert.ok(after.length === 2 && after.every(loss => loss !== before));
    });

  for (const [family, overrides] of [cases[0], cases[6]])
    it(`on ${family} ${JSON.stringify(overrides.method)} report the share of attention on them`, async () => {
      const reports = eventsOf(await runJob(smallJob(family, overrides)), 'importance');
      assert.deepEqual(
        reports.map(({ step }) => step),
        [1, 2, 4, 6],
      );
      for (const { tables } of reports) {
        const [{ metric, modules, blocks, values }] = tables;
        assert.deepEqual([metric, modules, blocks], ['attention_mass', ['head 0', 'head 1', 'head 2'], [0, 1]]);
        for (const value of values.flat()) assert.ok(value !== null && value > 0.001 && value < 0.999, String(value));
      }
    });

  it('generate the same logits with and without a cache', async () => {
    for (const [family, overrides] of cases.slice(0, 7)) {
      const [cached, full] = await Promise.all(
        [true, false].map(use_cache => logitsAt(family, { ...overrides, samples: { use_cache } }, 1)),
      );
      assert.ok(relativeError(cached, full) < 1e-4, JSON.stringify(overrides.method));
    }
  });

  it('of a text start as if the text stood before', async () => {
    const overrides = prefix({ init_weights: 'text', init_text: text, num_virtual_tokens: 6 });
    const started = await logitsAt('llama', overrides, 0);
    let spelled = new Float32Array();
    const inspect = async (engine: Engine, step: number) => {
      const whole = [1, 2, 3, 4, 5, 6, ...prompted];
      if (step === 0) spelled = Float32Array.from(await engine.logits(whole, new Uint32Array(stepWords)));
    };
    const base = { method: { init_lora_weights: true }, training: { max_steps: 1 }, samples: { max_new_tokens: 20 } };
    await runJob(smallJob('llama', base), { inspect });
    assert.ok(relativeError(started, spelled) < 1e-5);
  });

  it('that were exported are used by a generation session, cached or not', async () => {
    for (const [family, overrides] of [cases[1], cases[5], cases[6]]) {
      let trained = new Float32Array();
      const inspect = async (engine: Engine, step: number) => {
        if (step === 6) trained = Float32Array.from(await engine.logits(prompted, new Uint32Array(stepWords)));
      };
      const job = smallJob(family, overrides);
      const files = resultOf(await runJob(job, { inspect }));
      const dtype = overrides.memory ? 'f16' : 'f32';
      const options = { files: job.model, storage: { linear: dtype, table: dtype }, rows: 40, ways: 'both' } as const;
      const session = await GenerationSession.open(await testDevice(), options);
      session.attach('made', files);
      await session.select([{ name: 'made', weight: 1 }]);
      for (const cached of [true, false])
        assert.ok(
          relativeError(await session.logits(cached).after(prompted), trained) < 1e-4,
          JSON.stringify(overrides),
        );
      session.dispose();
    }
  });

  it('go on from an exported prefix', async () => {
    const adapter = resultOf(await runJob(smallJob('llama', prefix())));
    const overrides = prefix({ adapter: './adapter' });
    const continued = await logitsAt('llama', overrides, 0, { adapter });
    const trained = await logitsAt('llama', { ...prefix(), training: { max_steps: 6, eval_steps: 3 } }, 6);
    assert.deepEqual(continued, trained);
  });

  it('refuse what cannot go on', async () => {
    const made = async (overrides: Overrides) => resultOf(await runJob(smallJob('llama', overrides)));
    const direct = await made(prefix());
    const projected = await made(prefix({ prefix_projection: true, encoder_hidden_size: 6 }));
    const start = (overrides: Overrides, adapter: Awaited<ReturnType<typeof made>>) =>
      runJob(smallJob('llama', overrides, { adapter }));
    await rejects(start(prefix(), projected), 'adapter.reparametrised', /own checkpoint/);
    await rejects(
      start(prefix({ prefix_projection: true }), direct),
      'adapter.reparametrised',
      /prefix_projection to false/,
    );
    await rejects(start(prefix({ num_virtual_tokens: 4 }), direct), 'adapter.differs', /has 5 virtual tokens/);
    await rejects(start(prompt({ adapter: './x' }), direct), 'adapter.reparametrised', /encoder/);
    await rejects(start(prefix(), await made(prompt())), 'adapter.type', /prompt at the input/);
  });

  it('refuse a text that is too short, and one for a network', async () => {
    const start = (fields: object) => runJob(smallJob('llama', prefix({ init_weights: 'text', ...fields })));
    await rejects(start({ init_text: 'w1 w2' }), 'method.text', /has 2 tokens; 5 to 48/);
    await rejects(start({}), 'method.text', /no init_text/);
    await rejects(start({ init_text: text, prefix_projection: true }), 'method.text', /prefix_projection/);
  });

  it('count against the positions', async () => {
    await rejects(
      runJob(smallJob('gpt2', { ...prefix(), data: { max_length: 44 } })),
      'data.maxLength',
      /to 43 or less/,
    );
    await rejects(
      runJob(smallJob('llama', { ...prefix({ num_virtual_tokens: 48 }), samples: { prompts: [] } })),
      'method.virtual',
      /no room/,
    );
    const longest = await runJob(
      smallJob('gpt2', { ...prompt(), data: { max_length: 43 }, training: { max_steps: 1 } }),
    );
    assert.equal(lossesOf(longest).length, 1);
  });

  it('export one tensor with the width of the keys', async () => {
    const job = smallJob('llama', prefix());
    const files = resultOf(await runJob(job));
    const { tensors } = readSafetensors(files['adapter_model.safetensors'], 'adapter');
    assert.deepEqual(
      [...tensors].map(([name, { shape }]) => [name, shape]),
      [['prompt_embeddings', [5, 2 * 2 * 8]]],
    );
    const read = readPromptAdapter(files, parseModelConfig(job.model.config, 'llama'));
    assert.deepEqual([read.kind, read.count, read.encoded, read.warnings], ['prefix', 5, false, []]);
  });
});
