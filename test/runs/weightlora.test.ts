import { strict as assert } from 'node:assert';
import type { MemoryBytes } from '../../src/common/run/events';
import { readLoraAdapter } from '../../webview/engine/formats/peftAdapter';
import { moduleCatalog } from '../../webview/engine/model/catalog';
import { parseModelConfig } from '../../webview/engine/model/config';
import {
  eventsOf,
  runJob,
  smallJob,
  type Overrides,
  type SmallFamily,
  lossesOf,
  resultOf,
  checkpointAt,
} from '../engine/smallRun';

const total = (bytes: MemoryBytes) => Object.values(bytes).reduce((sum, value) => sum + value, 0);

const weightlora = (method: object, training: object = {}): Overrides => ({
  method: { type: 'weightlora', r: 2, lora_alpha: 4, lr_w: 0.5, ...method },
  training: { max_steps: 8, save_steps: 1, eval_steps: 4, importance_steps: 1, ...training },
});

const selecting = weightlora({ k: 3, selection_warmup_ratio: 0.2, freeze_ratio: 0.6 });
const growing = weightlora({ growth: 'smart', fat_step: 2, max_fat_steps: 2 });
const cases: readonly (readonly [string, SmallFamily, Overrides, number])[] = [
  ['selection', 'llama', selecting, 4],
  ['selection by share', 'gpt2', weightlora({ k: 2, selection: 'omega_norm', freeze_ratio: 0.6 }), 4],
  ['growth', 'llama', growing, 2],
  ['dummy growth', 'gpt2', weightlora({ growth: 'dummy', fat_step: 3, max_fat_steps: 1 }), 3],
];

describe('WeightLoRA', () => {
  for (const [what, family, overrides, changes] of cases)
    it(`with ${what} frees what it drops, measures what it forecasts, and resumes bit for bit`, async () => {
      const whole = await runJob(smallJob(family, overrides));
      const memories = eventsOf(whole, 'memory');
      assert.ok(memories.length >= 2);
      for (const { measured, forecast } of memories) assert.deepEqual(measured, forecast);
      for (const step of [changes - 1, changes, changes + 1]) {
        const rest = await runJob(smallJob(family, overrides, { checkpoint: checkpointAt(whole, step) }));
        assert.deepEqual(lossesOf(rest), lossesOf(whole).slice(step));
        assert.deepEqual(resultOf(rest), resultOf(whole));
      }
    });

  it('keeps k adapters from the first step at which ω has a gradient, and exports them as LoRA', async () => {
    const outputs = await runJob(smallJob('llama', selecting));
    const kept = eventsOf(outputs, 'importance').map(({ tables }) => {
      const table = tables.find(({ metric }) => metric === 'kept');
      return (table?.values.flat() ?? []).map(value => value === 1);
    });
    const counts = kept.map(row => row.filter(Boolean).length);
    // The warm-up gives step 1 no rate, so B is still zero in the gradient of step 2.
    assert.deepEqual(counts, [14, 14, 3, 3, 3, 3, 3, 3]);
    const [before, after] = eventsOf(outputs, 'memory').map(({ measured }) => total(measured));
    assert.ok(after < before);
    const { config } = smallJob('llama').model;
    const adapter = readLoraAdapter(resultOf(outputs), moduleCatalog(parseModelConfig(config, 'llama')));
    assert.equal(adapter.targets.length, 3);
    assert.deepEqual(eventsOf(outputs, 'importance').at(-1)?.budget, { planned: 3, actual: 3 });
  });

  it('is the base model before the first update', async () => {
    const step = { max_steps: 1, learning_rate: 1e-30 };
    const ours = await runJob(smallJob('llama', weightlora({}, step)));
    const lora = await runJob(smallJob('llama', { method: { init_lora_weights: true }, training: step }));
    assert.equal(eventsOf(ours, 'evaluation')[0].loss, eventsOf(lora, 'evaluation')[0].loss);
  });
});
