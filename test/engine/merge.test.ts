import { strict as assert } from 'node:assert';
import type { TrainJob } from '../../src/common/protocol';
import type { TrainOutput } from '../../src/common/run/events';
import { f32Bytes } from '../../webview/engine/formats/dtypes';
import { writeSafetensors } from '../../webview/engine/formats/safetensors';
import { loraModules } from '../../webview/engine/methods/lora';
import { loraUpdates, mergeWeights, type MergeInto } from '../../webview/engine/methods/merge';
import { tensorCatalog } from '../../webview/engine/model/catalog';
import { parseModelConfig } from '../../webview/engine/model/config';
import { openTensors } from '../../webview/engine/model/source';
import { baseStorage } from '../../webview/engine/model/storage';
import type { Engine } from '../../webview/engine/train/engine';
import { relativeError } from './harness';
import { eventsOf, runJob, smallJob, type SmallFamily } from './smallRun';

const trained = { method: { init_lora_weights: true }, samples: { prompts: [] } };
const evaluations = (outputs: readonly TrainOutput[]) => eventsOf(outputs, 'evaluation').map(event => event.loss);

function open(job: TrainJob) {
  const model = parseModelConfig(job.model.config, 'small');
  const files = job.model.weights.flatMap(file => ('bytes' in file ? [file] : []));
  return { model, source: openTensors(files, model), storage: baseStorage(job.config.memory) };
}

/** Trains, and gives the last evaluation with what was trained. */
async function train(job: TrainJob) {
  let tensors = new Map<string, Float32Array>();
  const inspect = async (engine: Engine, step: number) => {
    if (step === 6) tensors = (await engine.readTrainables(false)).parameters;
  };
  return { loss: evaluations(await runJob(job, { inspect })).at(-1) ?? NaN, tensors };
}

function updatesOf(job: TrainJob, tensors: ReadonlyMap<string, Float32Array>) {
  const { model } = open(job);
  assert.ok(job.config.method.type === 'lora');
  return loraUpdates(loraModules(job.config.method, model), model, tensors);
}

/** Evaluation of the merged model, before any step, its weights stored as f32. */
async function mergedLoss(family: SmallFamily, job: TrainJob, updates: Map<string, Float32Array>, into: MergeInto) {
  const opened = open(job);
  const merged = mergeWeights({ ...opened, into, updates });
  const tensors = tensorCatalog(opened.model).map(
    ({ name, shape }) =>
      [name, { dtype: 'F32', shape, bytes: f32Bytes(merged.get(name) ?? new Float32Array()) }] as const,
  );
  const weights = [{ name: 'model.safetensors', bytes: writeSafetensors(new Map(tensors), { format: 'pt' }) }];
  const plain = smallJob(family, { ...trained, training: { max_steps: 1 } });
  return evaluations(await runJob({ ...plain, model: { ...plain.model, weights } }))[0];
}

describe('merging', () => {
  for (const family of ['llama', 'gpt2'] as const)
    it(`${family}: the model that was trained on codes is the one merged into the dequantized base`, async () => {
      const job = smallJob(family, { ...trained, memory: { quantization: 'nf4' } });
      const { loss, tensors } = await train(job);
      const updates = updatesOf(job, tensors);
      assert.ok(relativeError([await mergedLoss(family, job, updates, 'dequantized')], [loss]) < 1e-5);
      assert.ok(relativeError([await mergedLoss(family, job, updates, 'file')], [loss]) > 1e-5);
    });

  it('into the file is exact for a base stored as it is, and is undone by the opposite', async () => {
    const job = smallJob('gpt2', trained);
    const { loss, tensors } = await train(job);
    const updates = updatesOf(job, tensors);
    assert.ok(relativeError([await mergedLoss('gpt2', job, updates, 'file')], [loss]) < 1e-5);
    const opened = open(job);
    const merged = mergeWeights({ ...opened, into: 'file', updates });
    const opposite = new Map([...updates].map(([name, update]) => [name, update.map(value => -value)]));
    const source = { read: (name: string) => new Float32Array(merged.get(name) ?? []), dtype: () => 'F32' };
    for (const [name, values] of mergeWeights({ ...opened, source, into: 'file', updates: opposite }))
      assert.ok(relativeError(values, opened.source.read(name)) < 1e-6, name);
  });

  it('refuses what does not fit, what is not finite, and a head that shares the embedding', () => {
    const job = smallJob('llama', { method: { target_modules: ['q_proj', 'lm_head'] } });
    const opened = open(job);
    const merge = (name: string, update: Float32Array) =>
      mergeWeights({ ...opened, into: 'file', updates: new Map([[name, update]]) });
    assert.throws(() => merge('model.nothing', new Float32Array(4)), /model\.nothing with 4 values fits no weight/);
    const q = 'model.layers.0.self_attn.q_proj.weight';
    assert.throws(() => merge(q, new Float32Array(5)), /q_proj\.weight with 5 values fits no weight/);
    const update = new Float32Array(24 * 24);
    update[7] = Infinity;
    assert.throws(() => merge(q, update), /would be Infinity at element 7/);
    assert.ok(job.config.method.type === 'lora');
    const modules = loraModules(job.config.method, opened.model);
    const tensors = new Map(
      modules.flatMap(({ nameA, nameB, module, rank }) => [
        [nameA, new Float32Array(rank * module.in)] as const,
        [nameB, new Float32Array(rank * module.out)] as const,
      ]),
    );
    assert.throws(() => loraUpdates(modules, opened.model, tensors), /shares its weight with the token embedding/);
  });
});
