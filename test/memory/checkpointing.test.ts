import { strict as assert } from 'node:assert';
import { forecast } from '../../webview/engine/forecast';
import { parseModelConfig } from '../../webview/engine/model/config';
import { prepareRun } from '../../webview/engine/train/prepare';
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

const training = { max_steps: 20, eval_steps: 10, save_steps: 20, importance_steps: 5 };
const method = (fields: object): Overrides => ({ method: fields, training });

const cases: readonly (readonly [SmallFamily, Overrides])[] = [
  ['llama', { full: true, training }],
  ['gpt2', { full: true, training: { ...training, weight_decay: 0.1 } }],
  ['llama', { method: { lora_dropout: 0.3 }, training }],
  ['gpt2', { method: { lora_dropout: 0.3 }, memory: { quantization: 'nf4' }, training }],
  ['llama', method({ type: 'adalora', init_r: 4, target_r: 2, tinit: 2, tfinal: 4, deltaT: 2, lora_dropout: 0.1 })],
  [
    'gpt2',
    method({ type: 'weightlora', r: 2, lora_alpha: 4, lr_w: 0.5, growth: 'smart', fat_step: 3, max_fat_steps: 2 }),
  ],
  ['llama', method({ type: 'bottleneck', placement: 'pfeiffer', reduction_factor: 4 })],
  ['gpt2', method({ type: 'prefix', num_virtual_tokens: 5, prefix_projection: true, encoder_hidden_size: 12 })],
  ['llama', method({ type: 'p-tuning-v2', num_virtual_tokens: 4, prefix_dropout: 0.2 })],
  ['gpt2', method({ type: 'p-tuning', num_virtual_tokens: 5, encoder_hidden_size: 12 })],
];

/** A run's numbers and files, and its memory, which must be the forecast. */
async function trained(family: SmallFamily, overrides: Overrides, gradient_checkpointing: string) {
  const memory = { ...overrides.memory, gradient_checkpointing };
  const outputs = await runJob(smallJob(family, { ...overrides, memory }));
  for (const { forecast: planned, measured } of eventsOf(outputs, 'memory')) assert.deepEqual(measured, planned);
  return {
    losses: lossesOf(outputs),
    norms: eventsOf(outputs, 'metrics').map(({ gradNorm }) => gradNorm),
    maps: eventsOf(outputs, 'importance'),
    files: resultOf(outputs),
  };
}

describe('gradient checkpointing', () => {
  for (const [family, overrides] of cases) {
    const name = overrides.full ? 'full' : JSON.stringify(overrides.method);
    it(`changes no bit over 20 steps of ${family} ${name}`, async () => {
      const plain = await trained(family, overrides, 'none');
      for (const kind of ['selective', 'block']) assert.deepEqual(await trained(family, overrides, kind), plain, kind);
    });
  }

  it('keeps the inputs of blocks and one block instead of all that the backward pass reads', () => {
    const [layers, d, S] = [12, 64, 256];
    const model = parseModelConfig(
      JSON.stringify({
        model_type: 'llama',
        vocab_size: 256,
        hidden_size: d,
        intermediate_size: 3 * d,
        num_hidden_layers: layers,
        num_attention_heads: 4,
        max_position_embeddings: S,
      }),
      'a model of 12 blocks',
    );
    const activations = (gradient_checkpointing: string) => {
      const config = smallConfig({
        data: { max_length: S },
        training: { per_device_train_batch_size: 1 },
        memory: { gradient_checkpointing },
      });
      return forecast(config, model).bytes.activations ?? 0;
    };
    const [none, selective, block] = ['none', 'selective', 'block'].map(activations);
    assert.ok(selective < 0.75 * none, `${selective} of ${none}`);
    const inputs = layers * S * d * 4;
    const oneBlock = none / layers;
    assert.ok(block > inputs && block < inputs + 1.2 * oneBlock, `${block} for ${inputs} and ${oneBlock}`);
  });

  it('runs again only what the backward pass reads', async () => {
    const { info, profile } = await testDevice();
    const job = smallJob('llama', {
      memory: { gradient_checkpointing: 'block' },
      method: { target_modules: ['q_proj'] },
    });
    const { programs } = prepareRun(job, { limits: info.limits, profile });
    const again = programs.largest.train.dispatches
      .filter(({ phase }) => phase === 'recompute')
      .map(({ node }) => node);
    assert.ok(again.includes('model.layers.1.input_layernorm') && again.includes('model.layers.1.mlp.gate_proj'));
    const last = again.filter(node => node.endsWith('down_proj') || node.endsWith('mlp_residual'));
    assert.deepEqual(last, [], 'what a block ends with is read by nobody in the block');
    const first = again.filter(node => node.startsWith('model.layers.0.mlp.down'));
    assert.deepEqual(first, []);
  });
});
