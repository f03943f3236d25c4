import { strict as assert } from 'node:assert';
import type { TrainOutput } from '../../src/common/run/events';
import { allocationAt } from '../../webview/engine/methods/adaloraBudget';
import { mergedWeights } from '../engine/mergedModel';
import {
  eventsOf,
  runJob,
  smallJob,
  type Overrides,
  type SmallFamily,
  lossesOf,
  resultOf,
  checkpointAt,
} from '../engine/smallRun';

const method = {
  type: 'adalora',
  init_r: 4,
  target_r: 2,
  lora_alpha: 8,
  tinit: 2,
  tfinal: 3,
  orth_reg_weight: 0.1,
};
const training = { max_steps: 9, eval_steps: 9, save_steps: 0, importance_steps: 1, learning_rate: 0.02 };

function overrides(extra: object = {}, more: object = {}): Overrides {
  return { method: { ...method, ...extra }, training: { ...training, ...more }, samples: { prompts: [] } };
}

describe('an AdaLoRA run', () => {
  for (const [family, extra] of [
    ['llama', { deltaT: 2 }],
    ['gpt2', { lora_dropout: 0.2, target_modules: ['c_attn', 'mlp.c_proj'] }],
  ] as readonly (readonly [SmallFamily, object])[])
    it(`of ${family} measures what it forecasts and resumes bit for bit, before, in and after the window`, async () => {
      const settings = overrides(extra, { save_steps: 2 });
      const whole = await runJob(smallJob(family, settings));
      const memories = eventsOf(whole, 'memory');
      assert.equal(memories.length, 2, 'the averages are freed when the choice is final');
      for (const { measured, forecast } of memories) assert.deepEqual(measured, forecast);
      assert.ok((memories[1].measured.optimizer ?? 0) < (memories[0].measured.optimizer ?? 0));
      for (const step of [2, 4, 6, 8]) {
        const rest = await runJob(smallJob(family, settings, { checkpoint: checkpointAt(whole, step) }));
        assert.deepEqual(lossesOf(rest), lossesOf(whole).slice(step), `from step ${step}`);
        assert.deepEqual(eventsOf(rest, 'importance'), eventsOf(whole, 'importance').slice(step));
        assert.deepEqual(resultOf(rest), resultOf(whole));
      }
    });

  it('starts as the base model, bit for bit, and merges into it', async () => {
    const job = smallJob('gpt2', overrides());
    const run = await runJob(job);
    const first = { max_steps: 1, eval_steps: 1 };
    const plain = smallJob('gpt2', { method: { init_lora_weights: true }, training: first, samples: { prompts: [] } });
    const [before, after] = eventsOf(run, 'evaluation').map(event => event.loss);
    assert.equal(before, eventsOf(await runJob(plain), 'evaluation')[0].loss);
    const { weights } = mergedWeights(job, resultOf(run));
    const [alone] = eventsOf(await runJob({ ...plain, model: { ...plain.model, weights } }), 'evaluation');
    assert.ok(Math.abs(alone.loss / after - 1) < 1e-5 && Math.abs(alone.loss / before - 1) > 1e-4);
  });

  it('goes on from the folder it wrote', async () => {
    const run = await runJob(smallJob('llama', overrides()));
    const files = resultOf(run);
    const again = await runJob(
      smallJob('llama', overrides({ tinit: 0, tfinal: 0 }, { max_steps: 1 }), { adapter: files }),
    );
    const [start] = eventsOf(again, 'evaluation');
    assert.ok(Math.abs(start.loss / (eventsOf(run, 'evaluation').at(-1)?.loss ?? NaN) - 1) < 1e-6);
    assert.ok(Object.keys(files).includes('lora/adapter_model.safetensors'));
  });

  it('keeps the orthogonality term out of the losses', async () => {
    const [weak, strong] = await Promise.all(
      [0.1, 10].map(orth_reg_weight => runJob(smallJob('llama', overrides({ orth_reg_weight })))),
    );
    const term = (outputs: readonly TrainOutput[]) => eventsOf(outputs, 'metrics')[0].terms?.orthogonality ?? NaN;
    assert.ok(Math.abs(term(strong) / term(weak) - 100) < 1e-3);
    assert.equal(lossesOf(strong)[0], lossesOf(weak)[0]);
    assert.equal(eventsOf(strong, 'evaluation')[0].loss, eventsOf(weak, 'evaluation')[0].loss);
    const none = await runJob(smallJob('llama', overrides({ orth_reg_weight: 0 })));
    assert.equal(eventsOf(none, 'metrics')[0].terms, undefined);
  });

  it('counts optimizer steps, not micro-batches', async () => {
    const schedule = { initial: 56, target: 28, tinit: 2, tfinal: 3, deltaT: 1, totalStep: 9 };
    for (const [size, accumulation] of [
      [6, 1],
      [1, 6],
    ]) {
      const batch = { per_device_train_batch_size: size, gradient_accumulation_steps: accumulation };
      const outputs = await runJob(smallJob('llama', overrides({}, batch)));
      const reports = eventsOf(outputs, 'importance');
      assert.equal(reports.length, 9);
      for (const { step, budget, triplets } of reports) {
        const planned = allocationAt(schedule, step).budget;
        assert.equal(budget?.planned, planned);
        assert.equal(budget.actual, planned, 'without ties as many are kept as the budget allows');
        const fates = (triplets ?? []).flat(2).filter(fate => fate !== null);
        assert.equal(fates.length, 56);
        assert.ok(fates.every(({ kept, place }) => kept === place <= planned));
        assert.ok(Math.abs(fates.reduce((sum, { place }) => sum + place, 0) - (56 * 57) / 2) < 1);
      }
    }
  });

  it('refuses a schedule without a window', async () => {
    await assert.rejects(runJob(smallJob('llama', overrides({ tinit: 6 }))), /adalora\.schedule|leave none/);
  });
});
