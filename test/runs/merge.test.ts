import { strict as assert } from 'node:assert';
import { relativeError } from '../engine/harness';
import { mergedWeights, plainLogits, stored, trained } from '../engine/mergedModel';
import { smallJob, type Overrides, type SmallFamily } from '../engine/smallRun';

const method = { init_lora_weights: true };
const residual = { type: 'bottleneck', reduction_factor: 1 };

/** Methods that merge, with what else they train. */
const cases: readonly (readonly [SmallFamily, Overrides])[] = [
  ['llama', { method: { ...method, modules_to_save: ['embed_tokens', 'norm', 'q_proj'], use_rslora: true } }],
  ['gpt2', { method: { ...method, bias: 'all', modules_to_save: ['wte'] } }],
  ['gpt2', { method: { type: 'adalora', init_r: 4, target_r: 2, tinit: 1, tfinal: 2 } }],
  ['llama', { method: { type: 'weightlora', r: 3, k: 4 } }],
  ['gpt2', { method: { ...residual, placement: 'residual_series', train_layer_norms: true } }],
  ['llama', { method: { ...residual, placement: 'residual_series' } }],
  ['gpt2', { method: { ...residual, placement: 'residual_parallel' } }],
  ['llama', { method: { ...residual, placement: 'residual_parallel', train_layer_norms: true } }],
];

describe('merging', () => {
  for (const [family, overrides] of cases)
    it(`${family} ${JSON.stringify(overrides.method)} gives the logits of the adapter beside the base`, async () => {
      const job = smallJob(family, { ...overrides });
      const { files, logits } = await trained(job);
      const { weights } = mergedWeights(job, files);
      assert.ok(relativeError(await plainLogits(family, weights), logits) < 1e-5);
      assert.ok(
        relativeError(await plainLogits(family, job.model.weights), logits) > 1e-3,
        'the adapter does something',
      );
    });

  for (const family of ['llama', 'gpt2'] as const)
    it(`${family}: what was trained beside codes is merged into the dequantized base`, async () => {
      const job = smallJob(family, { method, memory: { quantization: 'nf4' } });
      const { files, logits } = await trained(job);
      const into = async (base: 'file' | 'dequantized') =>
        relativeError(await plainLogits(family, mergedWeights(job, files, { into: base }).weights), logits);
      assert.ok((await into('dequantized')) < 1e-5);
      assert.ok((await into('file')) > 1e-3);
    });

  it('rounds to the type of the base, or to nothing, and tells transformers which', async () => {
    for (const [dtype, error] of [
      ['F16', 1e-3],
      ['BF16', 1e-2],
    ] as const) {
      const job = stored(smallJob('llama', { method }), dtype);
      const { files, logits } = await trained(job);
      const exact = mergedWeights(job, files);
      assert.ok(relativeError(await plainLogits('llama', exact.weights, exact.config), logits) < 1e-5);
      const rounded = mergedWeights(job, files, { dtype: 'base' });
      const off = relativeError(await plainLogits('llama', rounded.weights), logits);
      assert.ok(off > 1e-5 && off < error, `${dtype} ${off}`);
      assert.equal(exact.weights[0].bytes.length > 1.9 * rounded.weights[0].bytes.length, true);
    }
  });

  it('leaves what the adapter does not touch as it was, bit for bit', async () => {
    const job = smallJob('gpt2', { method: { ...method, target_modules: ['c_attn'] } });
    const { files } = await trained(job);
    const [before] = job.model.weights;
    assert.ok('bytes' in before);
    const [after] = mergedWeights(job, files, { dtype: 'base' }).weights;
    const differing = after.bytes.reduce((sum, byte, at) => sum + (byte === before.bytes[at] ? 0 : 1), 0);
    assert.ok(differing > 0 && differing <= 2 * 24 * 72 * 4);
  });
});
