import { strict as assert } from 'node:assert';
import { ProblemError } from '../../src/common/errors';
import { openDevice } from '../../webview/engine/runtime/device';
import { RunControl } from '../../webview/engine/train/control';
import type { Engine } from '../../webview/engine/train/engine';
import { nodeGpu } from '../../src/headless/gpu';
import { relativeError } from './harness';
import { eventsOf, runJob, smallJob, type Overrides, type SmallFamily, lossesOf, resultOf } from './smallRun';

const cases: readonly (readonly [SmallFamily, Overrides])[] = [
  ['llama', {}],
  ['llama', { method: { lora_dropout: 0.3, target_modules: ['q_proj', 'down_proj'] } }],
  ['gpt2', { method: { loraplus_lr_ratio: 4 }, memory: { quantization: 'f16' } }],
];

describe('a run', () => {
  for (const [family, overrides] of cases)
    it(`of ${family} ${JSON.stringify(overrides)} measures what it forecasts and resumes bit for bit`, async () => {
      const whole = await runJob(smallJob(family, overrides));
      const [memory] = eventsOf(whole, 'memory');
      assert.deepEqual(memory.measured, memory.forecast);
      const checkpoint = whole.find(output => output.kind === 'checkpoint');
      assert.ok(checkpoint?.kind === 'checkpoint' && checkpoint.step === 3);
      const rest = await runJob(smallJob(family, overrides, { checkpoint: checkpoint.files }));
      assert.deepEqual(lossesOf(rest), lossesOf(whole).slice(3));
      assert.deepEqual(resultOf(rest), resultOf(whole));
      assert.deepEqual(eventsOf(rest, 'sample').at(-1), eventsOf(whole, 'sample').at(-1));
    });

  it('of full fine-tuning resumes bit for bit and exports a whole model', async () => {
    const job = smallJob('gpt2', { full: true, training: { weight_decay: 0.1 } });
    const whole = await runJob(job);
    const [memory] = eventsOf(whole, 'memory');
    assert.deepEqual(memory.measured, memory.forecast);
    const checkpoint = whole.find(output => output.kind === 'checkpoint');
    assert.ok(checkpoint?.kind === 'checkpoint');
    const rest = await runJob({ ...job, checkpoint: checkpoint.files });
    assert.deepEqual(lossesOf(rest), lossesOf(whole).slice(3));
    assert.deepEqual(Object.keys(resultOf(whole)).sort(), [
      'config.json',
      'model.safetensors',
      'tokenizer.json',
      'tokenizer_config.json',
    ]);
    assert.ok((lossesOf(whole).at(-1) ?? Infinity) < lossesOf(whole)[0]);
  });

  it('gives one gradient however a batch is split into micro-batches', async () => {
    const gradients = await Promise.all(
      [
        [6, 1],
        [3, 2],
        [1, 6],
      ].map(([size, accumulation]) => gradientsOfFirstStep(size, accumulation)),
    );
    for (const other of gradients.slice(1))
      for (const [name, values] of gradients[0]) {
        const found = other.get(name);
        assert.ok(found && relativeError(found, values) < 1e-5, name);
      }
  });

  it('changes with the seed', async () => {
    const first = lossesOf(await runJob(smallJob('llama')));
    const second = lossesOf(await runJob(smallJob('llama', { training: { seed: 43 } })));
    assert.notDeepEqual(first, second);
  });

  it('stops between steps with a checkpoint and a result', async () => {
    const control = new RunControl(() => undefined);
    const inspect = (_: Engine, step: number) => Promise.resolve(step === 2 ? control.command('stop') : undefined);
    const outputs = await runJob(smallJob('llama'), { control, inspect });
    assert.equal(lossesOf(outputs).length, 2);
    const saved = outputs.filter(output => output.kind === 'checkpoint').map(output => output.step);
    assert.deepEqual(saved, [2]);
    const result = outputs.at(-1);
    assert.ok(result?.kind === 'result' && result.stopped);
  });

  it('pauses, steps once and resumes', async () => {
    const states: boolean[] = [];
    const control: RunControl = new RunControl(paused => {
      states.push(paused);
      if (paused) queueMicrotask(() => control.command(states.length === 1 ? 'step' : 'resume'));
    });
    control.command('pause');
    const outputs = await runJob(smallJob('llama'), { control });
    assert.equal(lossesOf(outputs).length, 6);
    assert.deepEqual(states, [true, true, false]);
  });

  it('fails with the step and a next move at a non-finite loss', async () => {
    const job = smallJob('llama', { training: { learning_rate: 1e30, warmup_steps: 0 } });
    await assert.rejects(runJob(job), (error: unknown) => {
      assert.ok(error instanceof ProblemError);
      assert.equal(error.problem.code, 'train.nonfinite');
      assert.match(error.problem.message, /^Step \d+:/);
      return true;
    });
  });

  it('fails when only the last evaluation is not finite', async () => {
    const job = smallJob('llama', { training: { learning_rate: 1e30, warmup_steps: 0, max_steps: 1 } });
    await assert.rejects(runJob(job), (error: unknown) => {
      assert.ok(error instanceof ProblemError);
      assert.equal(error.problem.code, 'train.nonfinite');
      assert.match(error.problem.message, /^The evaluation loss/);
      return true;
    });
  });

  it('draws no dropout in evaluation: the untouched adapter evaluates like the base', async () => {
    const none = await runJob(smallJob('llama', { method: { init_lora_weights: true }, training: { max_steps: 1 } }));
    const heavy = await runJob(
      smallJob('llama', { method: { init_lora_weights: true, lora_dropout: 0.9 }, training: { max_steps: 1 } }),
    );
    assert.equal(eventsOf(heavy, 'evaluation')[0].loss, eventsOf(none, 'evaluation')[0].loss);
  });

  it('fails when the device is lost', async () => {
    const opened = await openDevice(nodeGpu());
    const inspect = (_: Engine, step: number) => {
      if (step === 2) opened.device.destroy();
      return Promise.resolve();
    };
    await assert.rejects(runJob(smallJob('llama'), { opened, inspect }));
  });
});

async function gradientsOfFirstStep(size: number, accumulation: number): Promise<Map<string, Float32Array>> {
  let gradients = new Map<string, Float32Array>();
  const training = {
    max_steps: 1,
    per_device_train_batch_size: size,
    gradient_accumulation_steps: accumulation,
    eval_steps: undefined,
  };
  const inspect = async (engine: Engine, step: number) => {
    if (step === 1) gradients = await engine.readGradients();
  };
  await runJob(smallJob('llama', { training, data: { shuffle: false } }), { inspect });
  return gradients;
}
