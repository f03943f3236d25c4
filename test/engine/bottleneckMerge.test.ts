import { strict as assert } from 'node:assert';
import { f32Bytes } from '../../webview/engine/formats/dtypes';
import { readBottleneckAdapter } from '../../webview/engine/formats/adaptersLibrary';
import { writeSafetensors } from '../../webview/engine/formats/safetensors';
import { residualUpdates } from '../../webview/engine/methods/bottleneckMerge';
import { mergeWeights } from '../../webview/engine/methods/merge';
import { tensorCatalog } from '../../webview/engine/model/catalog';
import { parseModelConfig } from '../../webview/engine/model/config';
import { openTensors } from '../../webview/engine/model/source';
import { baseStorage } from '../../webview/engine/model/storage';
import { stepWords } from '../../webview/engine/runtime/kernel';
import type { Engine } from '../../webview/engine/train/engine';
import { relativeError } from './harness';
import { runJob, smallJob, type Overrides, type SmallFamily } from './smallRun';

const text = [5, 9, 3, 44, 12];

function bottleneck(method: object): Overrides {
  return { method: { type: 'bottleneck', ...method }, training: { warmup_steps: 0 } };
}

/** Runs a job; gives the files it exports and the logits after its last step. */
async function run(job: ReturnType<typeof smallJob>) {
  let logits = new Float32Array();
  const last = job.config.training.max_steps;
  const inspect = async (engine: Engine, step: number) => {
    if (step === last) logits = new Float32Array(await engine.logits(text, new Uint32Array(stepWords)));
  };
  const result = (await runJob(job, { inspect })).at(-1);
  assert.ok(result?.kind === 'result');
  return { files: result.files, logits };
}

/** Logits of the small model with other weights, before any step. */
async function plainLogits(family: SmallFamily, merged: ReadonlyMap<string, Float32Array>) {
  const plain = smallJob(family, { method: { init_lora_weights: true }, training: { max_steps: 1 } });
  const model = parseModelConfig(plain.model.config, family);
  const tensors = tensorCatalog(model).map(
    ({ name, shape }) =>
      [name, { dtype: 'F32', shape, bytes: f32Bytes(merged.get(name) ?? new Float32Array()) }] as const,
  );
  const weights = [{ name: 'model.safetensors', bytes: writeSafetensors(new Map(tensors), { format: 'pt' }) }];
  let logits = new Float32Array();
  const inspect = async (engine: Engine, step: number) => {
    if (step === 0) logits = new Float32Array(await engine.logits(text, new Uint32Array(stepWords)));
  };
  await runJob({ ...plain, model: { ...plain.model, weights } }, { inspect });
  return logits;
}

describe('residual adapters', () => {
  for (const family of ['gpt2', 'llama'] as const)
    for (const placement of ['residual_series', 'residual_parallel'])
      it(`${placement} on ${family} merge into the weights`, async () => {
        const job = smallJob(family, bottleneck({ placement, train_layer_norms: placement === 'residual_series' }));
        const { files, logits } = await run(job);
        const model = parseModelConfig(job.model.config, family);
        const source = openTensors(
          job.model.weights.flatMap(file => ('bytes' in file ? [file] : [])),
          model,
        );
        const updates = residualUpdates(readBottleneckAdapter(files, model), name => source.read(name));
        const merged = mergeWeights({ model, source, storage: baseStorage(job.config.memory), into: 'file', updates });
        assert.ok(relativeError(await plainLogits(family, merged), logits) < 1e-5);
        const untouched = new Map(tensorCatalog(model).map(({ name }) => [name, source.read(name)]));
        assert.ok(relativeError(await plainLogits(family, untouched), logits) > 1e-3, 'the adapter does something');
      });
});

describe('an exported adapter', () => {
  for (const method of [{ placement: 'houlsby', train_layer_norms: true }, { placement: 'residual_parallel' }])
    it(`${JSON.stringify(method)} goes on where it ended`, async () => {
      const { files, logits } = await run(smallJob('gpt2', bottleneck(method)));
      const job = smallJob('gpt2', { ...bottleneck({ ...method, adapter: 'a' }), training: { max_steps: 1 } });
      let start = new Float32Array();
      const inspect = async (engine: Engine, step: number) => {
        if (step === 0) start = new Float32Array(await engine.logits(text, new Uint32Array(stepWords)));
      };
      await runJob({ ...job, adapter: files }, { inspect });
      assert.deepEqual(start, logits);
    });

  it('with a non-linearity is not merged', async () => {
    const job = smallJob('llama', { ...bottleneck({ placement: 'pfeiffer' }), training: { max_steps: 1 } });
    const model = parseModelConfig(job.model.config, 'llama');
    const { files } = await run(job);
    const adapter = readBottleneckAdapter(files, model);
    assert.throws(() => residualUpdates(adapter, () => new Float32Array()), /non-linearity and cannot be merged/);
  });
});
