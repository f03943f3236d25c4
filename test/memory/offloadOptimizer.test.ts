import { strict as assert } from 'node:assert';
import type { MicroBatch } from '../../webview/engine/data/batches';
import { forecastOf } from '../../webview/engine/forecast';
import { adamwOnHost, clipOf } from '../../webview/engine/ops/adamwOnHost';
import type { Engine } from '../../webview/engine/train/engine';
import { prepareRun } from '../../webview/engine/train/prepare';
import { stepValues } from '../../webview/engine/train/stepValues';
import trace from '../reference/adamw.json';
import { relativeError, testDevice } from '../engine/harness';
import {
  checkpointAt,
  eventsOf,
  lossesOf,
  resultOf,
  runJob,
  smallConfig,
  smallJob,
  type Overrides,
  type SmallFamily,
} from '../engine/smallRun';

const training = { max_steps: 20, eval_steps: 10, save_steps: 7, importance_steps: 5 };
const saved = { modules_to_save: ['embed_tokens', 'mlp.down_proj'], bias: 'all' };
const adalora = { type: 'adalora', init_r: 4, target_r: 2, lora_alpha: 8, tinit: 2, tfinal: 6, orth_reg_weight: 0.1 };
const cases: readonly (readonly [string, SmallFamily, Overrides])[] = [
  ['full fine-tuning', 'gpt2', { full: true }],
  [
    'LoRA with dropout, LoRA+ and rsLoRA',
    'deep',
    { method: { lora_dropout: 0.2, loraplus_lr_ratio: 8, use_rslora: true } },
  ],
  ['LoRA with whole modules', 'llama', { method: saved }],
  ['AdaLoRA', 'llama', { method: adalora }],
  ['WeightLoRA', 'llama', { method: { type: 'weightlora', r: 2, lr_w: 0.5, k: 3 } }],
  [
    'growing WeightLoRA',
    'gpt2',
    { method: { type: 'weightlora', r: 2, lr_w: 0.5, growth: 'smart', fat_step: 4, max_fat_steps: 1 } },
  ],
  ['prefix-tuning', 'gpt2', { method: { type: 'prefix', num_virtual_tokens: 4 } }],
  ['P-tuning', 'llama', { method: { type: 'p-tuning', num_virtual_tokens: 4, encoder_hidden_size: 16 } }],
  ['a bottleneck', 'llama', { method: { type: 'bottleneck', reduction_factor: 4 } }],
];

function job(family: SmallFamily, overrides: Overrides, optimizer: 'none' | 'cpu' | 'disk') {
  return smallJob(family, { ...overrides, training, memory: { offload: { optimizer } } });
}

describe('AdamW on the host', () => {
  it('follows torch for 20 clipped steps', () => {
    const count = trace.initial.length;
    const parameter = Float32Array.from(trace.initial);
    const [m, v] = [new Float32Array(count), new Float32Array(count)];
    const [beta1, beta2] = trace.betas;
    const update = adamwOnHost();
    for (const [index, step] of trace.steps.entries()) {
      const gradient = Float32Array.from(step.gradient);
      const squares = gradient.reduce((sum, value) => sum + value * value, 0);
      const rates = {
        clip: clipOf(trace.maxNorm, squares),
        beta1,
        beta2,
        bias2Sqrt: Math.sqrt(1 - beta2 ** (index + 1)),
        epsilon: trace.epsilon,
        keep: 1 - trace.lr * trace.decay,
        rate: trace.lr / (1 - beta1 ** (index + 1)),
      };
      update({ parameter, gradient, m, v }, rates);
      const error = relativeError(parameter, step.parameter);
      assert.ok(error < 4e-7, `step ${index + 1} is off by ${error}`);
    }
  });

  for (const [what, family, overrides] of cases)
    it(`gives ${what} the losses of the GPU, in the memory that was forecast, and resumes bit for bit`, async () => {
      const onDevice = await runJob(job(family, overrides, 'none'));
      const onHost = await runJob(job(family, overrides, 'cpu'));
      const error = relativeError(lossesOf(onHost), lossesOf(onDevice));
      assert.ok(error < 1e-6, `losses are off by ${error}`);
      assert.equal(lossesOf(onHost).length, 20);
      const memories = eventsOf(onHost, 'memory');
      for (const { forecast, measured } of memories) assert.deepEqual(measured, forecast);
      const [before, after] = [eventsOf(onDevice, 'memory')[0].forecast, memories[0].forecast];
      const left = (before.optimizer ?? 0) - (after.optimizer ?? 0);
      assert.equal(left, 2 * (before.gradients ?? 0), 'both moments have left');
      assert.ok((after.offloadedCpu ?? 0) >= left);
      for (const step of [14]) {
        const rest = await runJob({ ...job(family, overrides, 'cpu'), checkpoint: checkpointAt(onHost, step) });
        assert.deepEqual(lossesOf(rest), lossesOf(onHost).slice(step), `from step ${step}`);
        assert.deepEqual(resultOf(rest), resultOf(onHost));
      }
    });

  it('reads moments that the GPU left in a checkpoint, and the other way round', async () => {
    const [onDevice, onHost] = [job('llama', { full: true }, 'none'), job('llama', { full: true }, 'cpu')];
    const whole = await runJob(onDevice);
    const rest = await runJob({ ...onHost, checkpoint: checkpointAt(whole, 7) });
    assert.ok(relativeError(lossesOf(rest), lossesOf(whole).slice(7)) < 1e-6);
    const last = await runJob({ ...onDevice, checkpoint: checkpointAt(rest, 14) });
    assert.ok(relativeError(lossesOf(last), lossesOf(whole).slice(14)) < 1e-6);
  });

  for (const [what, overrides] of [
    ['full fine-tuning', { full: true }],
    ['whole modules', { method: saved }],
  ] as const)
    it(`updates weights where they wait, bit for bit as on the device: ${what}`, async () => {
      const waiting = (parameters: string) => {
        const memory = { offload: { optimizer: 'cpu', parameters } };
        return smallJob('deep', { ...overrides, training, memory });
      };
      const [resident, streamed] = [await runJob(waiting('none')), await runJob(waiting('cpu'))];
      assert.deepEqual(lossesOf(streamed), lossesOf(resident));
      assert.deepEqual(resultOf(streamed), resultOf(resident));
      const [{ forecast, measured }] = eventsOf(streamed, 'memory');
      assert.deepEqual(measured, forecast);
      const rest = await runJob({ ...waiting('disk'), checkpoint: checkpointAt(streamed, 14) });
      assert.deepEqual(lossesOf(rest), lossesOf(streamed).slice(14));
      assert.deepEqual(resultOf(rest), resultOf(streamed));
    });

  it('is the same, bit for bit, with the moments on a disk', async () => {
    const [inMemory, onDisk] = [
      await runJob(job('llama', { full: true }, 'cpu')),
      await runJob(job('llama', { full: true }, 'disk')),
    ];
    assert.deepEqual(lossesOf(onDisk), lossesOf(inMemory));
    assert.deepEqual(resultOf(onDisk), resultOf(inMemory));
    const [{ forecast, measured }] = eventsOf(onDisk, 'memory');
    assert.deepEqual(measured, forecast);
    assert.ok((forecast.offloadedDisk ?? 0) >= (eventsOf(inMemory, 'memory')[0].forecast.offloadedCpu ?? Infinity));
  });

  it('reports gradients that come down and parameters that go up', async () => {
    for (const [overrides, values] of [
      [{ full: true }, 1],
      [{}, 2],
    ] as const) {
      const { info, profile } = await testDevice();
      const { programs } = prepareRun(job('llama', overrides, 'cpu'), { limits: info.limits, profile });
      const { transfers } = forecastOf(programs);
      const outputs = await runJob(job('llama', overrides, 'cpu'));
      const gradients = eventsOf(outputs, 'memory')[0].forecast.gradients ?? 0;
      const steps = eventsOf(outputs, 'transfers');
      assert.equal(steps.length, 20);
      for (const { up, down } of steps) assert.deepEqual({ up, down }, { up: gradients, down: values * gradients });
      assert.deepEqual(transfers.kinds, { optimizer: { up: gradients, down: values * gradients } });
      const kinds = steps.flatMap(({ list = [] }) => list.map(({ kind, direction }) => `${kind} ${direction}`));
      assert.deepEqual([...new Set(kinds)].sort(), ['optimizer down', 'optimizer up']);
    }
  });

  it('leaves everything as it is when the gradients are not finite', async () => {
    const tokens = Uint32Array.of(3, 1, 4, 1, 5);
    const batch: MicroBatch = {
      tokens,
      positions: tokens.map((_, index) => index),
      segmentStart: new Uint32Array(5),
      segmentEnd: new Uint32Array(5).fill(5),
      labels: Uint32Array.of(1, 4, 1, 5, 2),
      lossTokens: 5,
      count: 5,
    };
    let looked = false;
    const inspect = async (engine: Engine, step: number) => {
      if (step !== 1) return;
      const { training } = smallConfig();
      const { groups } = engine.programs.plan.trainables;
      const words = stepValues({ training, groups, step, micro: 0, learningRate: 0.01, lossTokens: 5 });
      const update = async () => {
        engine.beginWindow();
        await engine.accumulate(batch, words);
        await engine.finishWindow(words);
        return engine.readTrainables(true);
      };
      const before = await engine.readTrainables(true);
      assert.notDeepEqual(await update(), before);
      before.parameters.get('model.norm.weight')?.set([NaN], 2);
      engine.writeTrainables(before);
      assert.deepEqual(await update(), before);
      looked = true;
    };
    await assert.rejects(runJob(job('llama', { full: true }, 'cpu'), { inspect }), /not a finite number/);
    assert.ok(looked);
  });
});
