import { strict as assert } from 'node:assert';
import { forecast, forecastOf } from '../../webview/engine/forecast';
import { parseModelConfig } from '../../webview/engine/model/config';
import type { Place } from '../../webview/engine/runtime/hostMemory';
import { prepareRun } from '../../webview/engine/train/prepare';
import { relativeError, testDevice } from '../engine/harness';
import {
  eventsOf,
  lossesOf,
  resultOf,
  runJob,
  smallConfig,
  smallJob,
  type Overrides,
  type SmallFamily,
} from '../engine/smallRun';
import { watchedDisk } from '../engine/watchedDisk';

const long = { max_steps: 20, eval_steps: 10, save_steps: 20, importance_steps: 5 };
const training = { max_steps: 4, eval_steps: 4, save_steps: 4, importance_steps: 2 };
const block = { gradient_checkpointing: 'block' };

const cases: readonly (readonly [SmallFamily, Overrides])[] = [
  ['deep', { method: { lora_dropout: 0.3 }, training: long }],
  ['deep', { memory: { quantization: 'nf4', ...block }, training }],
  ['deep', { memory: { quantization: 'f16' }, method: { type: 'bottleneck', reduction_factor: 4 }, training }],
  ['deep', { memory: block, method: { type: 'weightlora', r: 2, lr_w: 0.5 }, training }],
  ['gpt2', { method: { type: 'prefix', num_virtual_tokens: 5 }, training }],
  ['deep', { method: { type: 'few-shot', shots: 1, draws: 2 } }],
  ['gpt2', { full: true, training: long }],
  ['deep', { full: true, memory: block, training }],
  ['deep', { method: { modules_to_save: ['embed_tokens', 'mlp.down_proj'], bias: 'all' }, training }],
];

/** Numbers and files of a run whose memory must be its forecast. */
async function trained(family: SmallFamily, overrides: Overrides, parameters: 'none' | Place) {
  const memory = { ...overrides.memory, offload: { parameters } };
  const disk = watchedDisk();
  const outputs = await runJob(smallJob(family, { ...overrides, memory }), { disk });
  const memories = eventsOf(outputs, 'memory');
  for (const { forecast, measured } of memories) assert.deepEqual(measured, forecast);
  const numbers = {
    losses: lossesOf(outputs),
    evaluations: eventsOf(outputs, 'evaluation'),
    samples: eventsOf(outputs, 'sample'),
    files: resultOf(outputs),
  };
  assert.equal(disk.open, 0);
  return { numbers, forecast: memories[0].forecast, disk };
}

describe('offloaded parameters', () => {
  for (const [family, overrides] of cases)
    it(`change no bit: ${family} ${JSON.stringify({ full: overrides.full, ...overrides.method, ...overrides.memory })}`, async () => {
      const plain = await trained(family, overrides, 'none');
      const offloaded = await trained(family, overrides, 'cpu');
      assert.deepEqual(offloaded.numbers, plain.numbers);
      assert.equal(plain.forecast.offloadedCpu, undefined);
      assert.ok((offloaded.forecast.offloadedCpu ?? 0) > 0);
      const [more, less] = [plain, offloaded].map(({ forecast }) => forecast.weights ?? 0);
      assert.ok(family === 'gpt2' ? less <= more : less < more, `${less} of ${more}`);
    });

  for (const [family, overrides] of cases)
    it(`change no bit on a disk: ${family} ${JSON.stringify({ ...overrides.method, ...overrides.memory })}`, async () => {
      const offloaded = await trained(family, overrides, 'cpu');
      const onDisk = await trained(family, overrides, 'disk');
      assert.deepEqual(onDisk.numbers, offloaded.numbers);
      assert.equal(onDisk.forecast.weights, offloaded.forecast.weights);
      assert.equal(onDisk.disk.end, onDisk.forecast.offloadedDisk);
      assert.ok((onDisk.forecast.offloadedCpu ?? 0) < (offloaded.forecast.offloadedCpu ?? 0) / 4);
    });

  it('report what each step moves, and each move with the steps that report importance', async () => {
    const outputs = await runJob(smallJob('deep', { memory: { offload: { parameters: 'cpu' } }, training }));
    const steps = eventsOf(outputs, 'transfers');
    assert.deepEqual(
      steps.map(({ step }) => step),
      [1, 2, 3, 4],
    );
    assert.ok(steps.every(({ down, ms }) => down === 0 && ms >= 0));
    assert.ok(steps.every(({ up }) => up > 0));
    const listed = steps.filter(({ list }) => list);
    assert.deepEqual(
      listed.map(({ step }) => step),
      [1, 2, 4],
    );
    for (const { up, list = [] } of listed)
      assert.equal(
        list.reduce((sum, { bytes }) => sum + bytes, 0),
        up,
      );
    assert.ok(listed[0].list?.some(({ what, kind }) => what === 'block 3' && kind === 'parameters'));
  });

  for (const [memory, full, down] of [
    [{}, false, false],
    [block, false, false],
    [{ quantization: 'nf4', ...block }, false, false],
    [{}, true, true],
    [{ offload: { optimizer: 'cpu' }, ...block }, true, false],
  ] as const)
    it(`travel as forecast, step by step: ${JSON.stringify({ ...memory, full })}`, async () => {
      const { info, profile } = await testDevice();
      // No evaluation between the steps, and as many rows as fill every window: each step is a full one.
      const quiet = { max_steps: 4, eval_steps: 4, save_steps: 4, gradient_accumulation_steps: 3 };
      const offload = { ...('offload' in memory ? memory.offload : {}), parameters: 'cpu' };
      const job = smallJob('deep', { full, memory: { ...memory, offload }, training: quiet });
      const { transfers } = forecastOf(prepareRun(job, { limits: info.limits, profile }).programs);
      const outputs = await runJob(job);
      const steps = eventsOf(outputs, 'transfers').slice(1);
      assert.deepEqual(
        steps.map(({ up, down }) => ({ up, down })),
        steps.map(() => ({ up: transfers.up, down: transfers.down })),
      );
      assert.equal(steps.length, 3);
      const { parameters = { up: 0, down: 0 } } = transfers.kinds;
      assert.ok(parameters.up > 0);
      assert.equal(parameters.down > 0, down);
    });

  it('resume bit for bit', async () => {
    const overrides = { memory: { offload: { parameters: 'cpu' } }, method: { lora_dropout: 0.1 } };
    const whole = await runJob(smallJob('deep', overrides));
    const checkpoint = whole.find(output => output.kind === 'checkpoint');
    assert.ok(checkpoint?.kind === 'checkpoint' && checkpoint.step === 3);
    const rest = await runJob(smallJob('deep', overrides, { checkpoint: checkpoint.files }));
    assert.deepEqual(lossesOf(rest), lossesOf(whole).slice(3));
    assert.deepEqual(resultOf(rest), resultOf(whole));
  });

  it('leave two blocks and one table on the device, whatever the depth', async () => {
    const { info, profile } = await testDevice();
    const prepared = (parameters: string) =>
      prepareRun(smallJob('deep', { memory: { offload: { parameters } } }), { limits: info.limits, profile });
    const { plan } = prepared('cpu').programs;
    const slots = plan.buffers.filter(({ label }) => label.startsWith('block slot'));
    const table = plan.buffers.find(({ label }) => label === 'table slot');
    assert.ok(slots.length === 2 && table);
    const whole = prepared('none').programs.plan.buffers.find(({ label }) => label === 'frozen weights');
    const rest = plan.buffers.find(({ label }) => label === 'frozen weights');
    assert.ok(whole && rest);
    const blocks = whole.bytes - rest.bytes - table.bytes;
    assert.ok(relativeError([(slots[0].bytes * 5) / blocks], [1]) < 1e-6, `${slots[0].bytes} of ${blocks}`);
  });

  it('leave at most two blocks and 32 MiB of a table of a large vocabulary on the device', () => {
    const shape = { model_type: 'gpt2', vocab_size: 50257, n_embd: 768, n_layer: 12, n_head: 12, n_positions: 1024 };
    const model = parseModelConfig(JSON.stringify(shape), 'a model of the size of GPT-2');
    const config = (parameters: string) =>
      smallConfig({ data: { max_length: 64 }, memory: { offload: { parameters } } });
    const { bytes } = forecast(config('cpu'), model);
    const oneBlock = 12 * 768 * 768 * 4;
    const positions = 1024 * 768 * 4;
    const small = 2 ** 20;
    assert.ok((bytes.weights ?? Infinity) < 2 * oneBlock + 32 * 2 ** 20 + positions + small, `${bytes.weights}`);
    assert.equal(bytes.offloadedCpu, 12 * oneBlock + 50257 * 768 * 4);
    const onDisk = forecast(config('disk'), model).bytes;
    assert.deepEqual(onDisk, { ...bytes, offloadedCpu: 4 * 2 ** 20, offloadedDisk: bytes.offloadedCpu });
  });

  it('leave as much of a model of which everything trains', () => {
    const shape = { model_type: 'gpt2', vocab_size: 50257, n_embd: 768, n_layer: 12, n_head: 12, n_positions: 1024 };
    const model = parseModelConfig(JSON.stringify(shape), 'a model of the size of GPT-2');
    const offload = { parameters: 'cpu', optimizer: 'cpu' };
    const { bytes } = forecast(smallConfig({ full: true, data: { max_length: 64 }, memory: { offload } }), model);
    const oneBlock = 12 * 768 * 768 * 4;
    const small = 2 ** 20;
    assert.ok((bytes.weights ?? Infinity) < 2 * oneBlock + 32 * 2 ** 20 + 1024 * 768 * 4 + small, `${bytes.weights}`);
    assert.equal(bytes.optimizer, undefined);
    const trained = bytes.gradients ?? 0;
    // Weights and both moments; of what is small also a copy.
    assert.ok(Math.abs((bytes.offloadedCpu ?? 0) / (3 * trained) - 1) < 1e-2, `${bytes.offloadedCpu} of ${trained}`);
  });
});
