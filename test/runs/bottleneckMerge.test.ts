import { strict as assert } from 'node:assert';
import { readBottleneckAdapter } from '../../webview/engine/formats/adaptersLibrary';
import { residualChanges } from '../../webview/engine/methods/bottleneckMerge';
import { parseModelConfig } from '../../webview/engine/model/config';
import { stepWords } from '../../webview/engine/runtime/kernel';
import type { Engine } from '../../webview/engine/train/engine';
import { trained } from '../engine/mergedModel';
import { runJob, smallJob, type Overrides } from '../engine/smallRun';

const text = [5, 9, 3, 44, 12];

function bottleneck(method: object): Overrides {
  return { method: { type: 'bottleneck', ...method }, training: { warmup_steps: 0 } };
}

describe('an exported adapter', () => {
  for (const method of [{ placement: 'houlsby', train_layer_norms: true }, { placement: 'residual_parallel' }])
    it(`${JSON.stringify(method)} goes on where it ended`, async () => {
      const { files, logits } = await trained(smallJob('gpt2', bottleneck(method)));
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
    const { files } = await trained(job);
    const adapter = readBottleneckAdapter(files, model);
    assert.throws(() => residualChanges(adapter), /non-linearity and cannot be merged/);
  });
});
