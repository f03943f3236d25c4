import { strict as assert } from 'node:assert';
import { ProblemError } from '../../src/common/errors';
import { f32Bytes } from '../../webview/engine/formats/dtypes';
import { writeSafetensors } from '../../webview/engine/formats/safetensors';
import { byteLength, isPacked } from '../../webview/engine/graph/tensor';
import { align } from '../../webview/engine/memory/layout';
import { livesOf } from '../../webview/engine/memory/lives';
import { tensorCatalog } from '../../webview/engine/model/catalog';
import { parseModelConfig } from '../../webview/engine/model/config';
import { openTensors } from '../../webview/engine/model/source';
import { baseStorage, roundedSource } from '../../webview/engine/model/storage';
import { shardsOf } from '../../webview/engine/train/readModel';
import { prepareRun } from '../../webview/engine/train/prepare';
import type { TrainJob } from '../../src/common/protocol';
import { relativeError, testDevice } from '../engine/harness';
import { eventsOf, runJob, smallJob, type Overrides, type SmallFamily, lossesOf } from '../engine/smallRun';

const cases: readonly (readonly [SmallFamily, Overrides])[] = [
  ['llama', { memory: { quantization: 'nf4' } }],
  ['gpt2', { memory: { quantization: 'nf4', block_size: 32 }, method: { lora_dropout: 0.2 } }],
  ['llama', { memory: { quantization: 'fp4', double_quant: false, embedding_dtype: 'f32' } }],
  ['gpt2', { memory: { quantization: 'int8' } }],
];

/** The job on weights that were quantized and brought back before the run, which then stores them as f32. */
function onRounded(job: TrainJob): TrainJob {
  const config = parseModelConfig(job.model.config, 'small');
  const source = roundedSource(openTensors(shardsOf(job.model), config), config, baseStorage(job.config.memory));
  const tensors = tensorCatalog(config).map(
    ({ name, shape }) => [name, { dtype: 'F32', shape, bytes: f32Bytes(source.read(name)) }] as const,
  );
  const weights = [{ name: 'model.safetensors', bytes: writeSafetensors(new Map(tensors), { format: 'pt' }) }];
  const memory = { ...job.config.memory, quantization: 'none' as const, embedding_dtype: undefined };
  return { ...job, model: { ...job.model, weights }, config: { ...job.config, memory } };
}

async function prepared(family: SmallFamily, overrides: Overrides) {
  const { info, profile } = await testDevice();
  return prepareRun(smallJob(family, overrides), { limits: info.limits, profile });
}

describe('a run on a quantized base', () => {
  for (const [family, overrides] of cases)
    it(`${family} ${JSON.stringify(overrides)}: forecast, resume, and the loss of the dequantized base`, async () => {
      const job = smallJob(family, overrides);
      const whole = await runJob(job);
      const [memory] = eventsOf(whole, 'memory');
      assert.deepEqual(memory.measured, memory.forecast);
      const checkpoint = whole.find(output => output.kind === 'checkpoint');
      assert.ok(checkpoint?.kind === 'checkpoint' && checkpoint.step === 3);
      const rest = await runJob({ ...job, checkpoint: checkpoint.files });
      assert.deepEqual(lossesOf(rest), lossesOf(whole).slice(3));
      const rounded = lossesOf(await runJob(onRounded(job)));
      assert.ok(relativeError(lossesOf(whole), rounded) < 1e-5);
      const exact = lossesOf(await runJob(smallJob(family, { ...overrides, memory: {} })));
      assert.ok(relativeError(lossesOf(whole), exact) > 1e-5, 'quantization must show');
    });

  for (const method of [
    { type: 'adalora', init_r: 4, target_r: 2, tinit: 1, tfinal: 2 },
    { type: 'weightlora', r: 3, k: 3 },
    { type: 'bottleneck', placement: 'pfeiffer' },
    { type: 'prefix', num_virtual_tokens: 3 },
    { type: 'p-tuning', num_virtual_tokens: 3 },
  ])
    it(`carries ${method.type} as a base of f32 weights does`, async () => {
      const job = smallJob('llama', { method, memory: { quantization: 'nf4' }, samples: { prompts: [] } });
      const whole = await runJob(job);
      for (const memory of eventsOf(whole, 'memory')) assert.deepEqual(memory.measured, memory.forecast);
      assert.ok(relativeError(lossesOf(whole), lossesOf(await runJob(onRounded(job)))) < 1e-5);
    });

  it('keeps no dense copy of a packed matrix', async () => {
    const { programs } = await prepared('gpt2', { memory: { quantization: 'nf4' } });
    const matrices = programs.table.parameters.filter(({ tensor }) =>
      /(c_attn|c_proj|c_fc)\.weight$/.test(tensor.name),
    );
    assert.equal(matrices.length, 8);
    for (const { tensor } of matrices) {
      assert.ok(isPacked(tensor.dtype), tensor.name);
      const bytes = byteLength(tensor.shape, tensor.dtype);
      assert.ok(bytes < (tensor.shape[0] * tensor.shape[1]) / 1.5, 'less than a byte a weight, its scales included');
    }
    const stored = programs.table.parameters
      .filter(spec => spec.category === 'weights')
      .reduce((sum, { tensor }) => sum + align(byteLength(tensor.shape, tensor.dtype)), 0);
    const weights = programs.plan.buffers.filter(buffer => buffer.category === 'weights');
    assert.equal(
      weights.reduce((sum, buffer) => sum + buffer.bytes, 0),
      stored,
    );
    const { activations, workspace } = livesOf([programs.largest.train]);
    assert.ok([...activations.keys()].every(tensor => tensor.role === 'value' && !tensor.name.includes('dequantized')));
    const dense = [...workspace].filter(([tensor]) => tensor.name.endsWith('.dequantized'));
    assert.ok(dense.length >= 15, 'once forward and once backward, but for the lowest input');
    const byStart = dense.map(([, life]) => life).sort((a, b) => a.first - b.first);
    byStart.slice(1).forEach((life, i) => assert.ok(life.first > byStart[i].last, 'one at a time'));
    assert.ok(
      byStart.every(({ first, last }) => last - first <= 2),
      'from its unpacking to its product',
    );
  });

  it('needs less memory the fewer bits it keeps', async () => {
    const bytes = async (quantization: string) => {
      const { programs } = await prepared('llama', { memory: { quantization } });
      return programs.plan.buffers.reduce((sum, b) => sum + (b.category === 'weights' ? b.bytes : 0), 0);
    };
    const sizes = await Promise.all(['none', 'f16', 'int8', 'nf4'].map(bytes));
    for (const [i, size] of sizes.slice(1).entries()) assert.ok(size < sizes[i], sizes.join(' > '));
  });

  it('refuses to train what it stores as codes', async () => {
    for (const quantization of ['nf4', 'fp4', 'int8'])
      await assert.rejects(prepared('llama', { full: true, memory: { quantization } }), (error: unknown) => {
        assert.ok(error instanceof ProblemError);
        assert.equal(error.problem.code, 'method.quantized');
        assert.match(error.problem.message, /q_proj\.weight is to be trained, but memory\.quantization/);
        return true;
      });
  });
});
