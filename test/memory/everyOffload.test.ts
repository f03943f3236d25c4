import { strict as assert } from 'node:assert';
import { forecast } from '../../webview/engine/forecast';
import { parseModelConfig } from '../../webview/engine/model/config';
import { relativeError } from '../engine/harness';
import {
  checkpointAt,
  eventsOf,
  lossesOf,
  resultOf,
  runJob,
  smallConfig,
  smallJob,
  type Overrides,
} from '../engine/smallRun';

const all = (place: string) => ({
  gradient_checkpointing: 'block',
  offload: { parameters: place, optimizer: place, activations: place },
});
const training = { max_steps: 20, eval_steps: 10, save_steps: 10, importance_steps: 5 };
const short = { max_steps: 8, eval_steps: 8, save_steps: 8, importance_steps: 4 };

const cases: readonly Overrides[] = [
  { full: true, training },
  { method: { lora_dropout: 0.2 }, training },
  { method: { type: 'adalora', init_r: 4, target_r: 2, tinit: 2, tfinal: 4, deltaT: 2 }, training: short },
  { method: { type: 'weightlora', r: 2, lr_w: 0.5 }, training: short },
  { method: { type: 'prefix', num_virtual_tokens: 5 }, memory: { quantization: 'nf4' }, training: short },
];

describe('everything offloaded at once', () => {
  for (const overrides of cases)
    it(`follows the run that keeps all on the device: ${overrides.full ? 'full' : JSON.stringify(overrides.method)}`, async () => {
      const run = (memory: object) =>
        runJob(smallJob('deep', { ...overrides, memory: { ...overrides.memory, ...memory } }));
      const plain = await run({});
      for (const place of ['cpu', 'disk']) {
        const offloaded = await run(all(place));
        assert.ok(relativeError(lossesOf(offloaded), lossesOf(plain)) < 1e-6, place);
        for (const { forecast: planned, measured } of eventsOf(offloaded, 'memory'))
          assert.deepEqual(measured, planned);
      }
    });

  it('resumes bit for bit, from a checkpoint that a run without offload can take up too', async () => {
    const overrides = { full: true, training, memory: all('disk') };
    const whole = await runJob(smallJob('deep', overrides));
    const checkpoint = checkpointAt(whole, 10);
    const rest = await runJob(smallJob('deep', overrides, { checkpoint }));
    assert.deepEqual(lossesOf(rest), lossesOf(whole).slice(10));
    assert.deepEqual(resultOf(rest), resultOf(whole));
    const onDevice = await runJob(smallJob('deep', { full: true, training }, { checkpoint }));
    assert.ok(relativeError(lossesOf(onDevice), lossesOf(whole).slice(10)) < 1e-6);
  });

  it('leaves of a model of 30 blocks two of them, a part of the embedding and one block of activations on the device', () => {
    const [layers, d, f, V, S] = [30, 576, 1536, 49152, 256];
    const shape = {
      model_type: 'llama',
      vocab_size: V,
      hidden_size: d,
      intermediate_size: f,
      num_hidden_layers: layers,
      num_attention_heads: 9,
      num_key_value_heads: 3,
      max_position_embeddings: 2048,
      tie_word_embeddings: true,
    };
    const model = parseModelConfig(JSON.stringify(shape), 'a model of the size of SmolLM2-135M');
    const config = smallConfig({
      data: { max_length: S },
      training: { per_device_train_batch_size: 1, per_device_eval_batch_size: 1 },
      memory: all('cpu'),
      samples: { prompts: [] },
    });
    const { bytes, total } = forecast(config, model);
    const { activations = 0, workspace = 0, staging = 0, weights = 0 } = bytes;
    const block = 4 * (2 * d * d + 2 * d * (d / 3) + 3 * d * f);
    const part = 32 * 2 ** 20;
    const small = 2 ** 20;
    assert.ok(weights < 2 * block + part + small, `${weights} bytes of weights`);
    // What a block keeps for its backward pass: of the order of 13 d + 4 f values a token.
    assert.ok(activations < 4 * S * (16 * d + 5 * f), `${activations} bytes of activations`);
    assert.ok(total < 2 * block + part + activations + workspace + staging + 16 * small, `${total} bytes in all`);
  });
});
