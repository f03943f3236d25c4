import { strict as assert } from 'node:assert';
import { forecast, forecastOf as planned } from '../../webview/engine/forecast';
import { parseModelConfig } from '../../webview/engine/model/config';
import { prepareRun } from '../../webview/engine/train/prepare';
import { HostMemory } from '../../webview/engine/runtime/hostMemory';
import { Parking } from '../../webview/engine/runtime/parking';
import { Transfers } from '../../webview/engine/runtime/transfers';
import type { Tensor } from '../../webview/engine/graph/tensor';
import { testDevice } from '../engine/harness';
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

const long = { max_steps: 20, eval_steps: 10, save_steps: 20, importance_steps: 5 };
const training = { max_steps: 4, eval_steps: 4, save_steps: 4, importance_steps: 2 };
const nf4 = { quantization: 'nf4' };
const onHost = { offload: { parameters: 'cpu' } };
const dropped = { lora_dropout: 0.3 };

const cases: readonly (readonly [SmallFamily, Overrides])[] = [
  ['deep', { method: dropped, training: long }],
  ['deep', { method: dropped, memory: { ...nf4, ...onHost } }],
  ['gpt2', { full: true, training: long }],
  ['deep', { method: { type: 'bottleneck', reduction_factor: 4 }, memory: { quantization: 'f16', ...onHost } }],
  ['deep', { method: { type: 'prefix', num_virtual_tokens: 5, prefix_projection: true, encoder_hidden_size: 12 } }],
  ['gpt2', { method: { type: 'p-tuning', num_virtual_tokens: 5, encoder_hidden_size: 12 }, memory: onHost }],
];

/** Numbers and files of a run whose memory must be its forecast. */
async function trained(family: SmallFamily, overrides: Overrides, activations: string) {
  const { offload, ...rest } = { offload: {}, ...overrides.memory };
  const memory = { ...rest, gradient_checkpointing: 'block', offload: { ...offload, activations } };
  const outputs = await runJob(smallJob(family, { training, ...overrides, memory }));
  for (const { forecast: planned, measured } of eventsOf(outputs, 'memory')) assert.deepEqual(measured, planned);
  return {
    losses: lossesOf(outputs),
    norms: eventsOf(outputs, 'metrics').map(({ gradNorm }) => gradNorm),
    maps: eventsOf(outputs, 'importance'),
    evaluations: eventsOf(outputs, 'evaluation'),
    files: resultOf(outputs),
  };
}

/** A Llama of any number of blocks; its examples are `S` tokens long, one a micro-batch. */
const [d, S] = [64, 256];
function forecastOf(layers: number, memory: object) {
  const shape = {
    model_type: 'llama',
    vocab_size: 256,
    hidden_size: d,
    intermediate_size: 3 * d,
    num_hidden_layers: layers,
    num_attention_heads: 4,
    max_position_embeddings: S,
  };
  const config = smallConfig({ data: { max_length: S }, training: { per_device_train_batch_size: 1 }, memory });
  return forecast(config, parseModelConfig(JSON.stringify(shape), `a model of ${layers} blocks`));
}

/** Parks a value of `words` words in a room for all of `sent`, overwrites it, and reads what came back. */
async function thereAndBack(sent: Uint32Array<ArrayBuffer>, words: number): Promise<Uint32Array> {
  const { device } = await testDevice();
  const { STORAGE, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;
  const bytes = sent.byteLength;
  const storage = () => device.createBuffer({ size: bytes, usage: STORAGE | COPY_SRC | COPY_DST });
  const staging = (size: number) => device.createBuffer({ size, usage: MAP_READ | COPY_DST });
  const buffers = [storage(), storage(), staging(768), staging(768), staging(bytes)];
  const value = (id: number, count: number): Tensor => ({ id, name: 'x', shape: [count], dtype: 'f32', role: 'value' });
  const place = (buffer: number) => ({ buffer, offset: 0, bytes });
  const target = {
    gpu: device,
    buffers,
    placements: new Map([
      [1, place(0)],
      [2, place(1)],
    ]),
  };
  const plan = { place: 'cpu', tensors: [value(1, sent.length)], ring: [2, 3] } as const;
  const parking = new Parking(plan, target, new HostMemory(), new Transfers(() => 0));
  device.queue.writeBuffer(buffers[0], 0, sent);
  const parked = { what: 'block 0', tensor: value(1, words), out: 0, copy: value(2, words), back: 0 };
  await parking.out(parked);
  device.queue.writeBuffer(buffers[0], 0, new Uint32Array(sent.length));
  await parking.back(parked);
  parking.used();
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(buffers[1], 0, buffers[4], 0, bytes);
  device.queue.submit([encoder.finish()]);
  await buffers[4].mapAsync(GPUMapMode.READ);
  const result = new Uint32Array(buffers[4].getMappedRange().slice(0));
  for (const buffer of buffers) buffer.destroy();
  return result;
}

describe('offloaded activations', () => {
  for (const [family, overrides] of cases) {
    const name = JSON.stringify({ ...(overrides.full ? { type: 'full' } : overrides.method), ...overrides.memory });
    it(`change no bit: ${family} ${name}`, async () => {
      const plain = await trained(family, overrides, 'none');
      for (const place of family === 'gpt2' ? ['cpu', 'disk'] : ['cpu'])
        assert.deepEqual(await trained(family, overrides, place), plain, place);
    });
  }

  it('leave on the device what one block needs, however many there are', () => {
    const offloaded = { gradient_checkpointing: 'block', offload: { activations: 'cpu' } };
    const [few, many] = [4, 24].map(layers => forecastOf(layers, offloaded).bytes);
    assert.equal(many.activations, few.activations);
    assert.equal(many.workspace, few.workspace);
    const input = S * d * 4;
    assert.equal(few.offloadedCpu, 3 * input);
    assert.equal(many.offloadedCpu, 23 * input);
    const kept = forecastOf(24, { gradient_checkpointing: 'block' }).bytes.activations ?? 0;
    assert.ok(kept - (many.activations ?? 0) >= 22 * input, `${kept} with, ${many.activations} without`);
  });

  it('go down and up once for each micro-batch and block but the last', async () => {
    const memory = { gradient_checkpointing: 'block', offload: { activations: 'cpu' } };
    const job = smallJob('deep', { memory });
    const outputs = await runJob(job);
    const { info, profile } = await testDevice();
    const { transfers } = planned(prepareRun(job, { limits: info.limits, profile }).programs);
    const steps = eventsOf(outputs, 'transfers');
    const [{ list = [] }] = steps;
    assert.ok(steps.length > 0 && steps.every(({ up, down }) => up === down && up > 0 && up <= transfers.up));
    assert.deepEqual(transfers.kinds, { activations: { up: transfers.up, down: transfers.down } });
    const names = (way: string) => list.filter(({ direction }) => direction === way).map(({ what }) => what);
    const once = ['block 0', 'block 1', 'block 2', 'block 3'];
    assert.deepEqual(names('down'), [...once, ...once]);
    assert.deepEqual(names('up'), [...once.toReversed(), ...once.toReversed()]);
    assert.ok(list.every(({ kind }) => kind === 'activations'));
  });

  it('leave in pieces where they are longer than a staging buffer', async () => {
    const words = 1000;
    const sent = Uint32Array.from({ length: words }, (_, index) => index * 2654435761);
    assert.deepEqual(await thereAndBack(sent, words), sent);
    const shorter = await thereAndBack(sent, 900);
    assert.deepEqual(shorter.subarray(0, 900), sent.subarray(0, 900));
    assert.ok(shorter.subarray(900).every(word => word === 0));
  });

  it('need checkpointing of blocks', () => {
    for (const gradient_checkpointing of ['none', 'selective'])
      assert.throws(
        () => forecastOf(2, { gradient_checkpointing, offload: { activations: 'cpu' } }),
        /Set memory\.gradient_checkpointing to block/,
      );
  });
});
