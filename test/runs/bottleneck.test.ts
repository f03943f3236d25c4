import { strict as assert } from 'node:assert';
import type { ImportanceTable } from '../../src/common/run/events';
import { forecast } from '../../webview/engine/forecast';
import { parseModelConfig } from '../../webview/engine/model/config';
import type { Engine } from '../../webview/engine/train/engine';
import { stepWords } from '../../webview/engine/runtime/kernel';
import { eventsOf, runJob, smallJob, type Overrides, type SmallFamily, lossesOf } from '../engine/smallRun';

const bottleneck = (method: object): Overrides => ({
  method: { type: 'bottleneck', reduction_factor: 4, ...method },
});
const cases: readonly (readonly [SmallFamily, Overrides])[] = [
  ['llama', bottleneck({ placement: 'houlsby', init_weights: 'bert' })],
  ['gpt2', bottleneck({ placement: 'houlsby', train_layer_norms: true, leave_out: [0] })],
  ['gpt2', { ...bottleneck({ placement: 'pfeiffer', non_linearity: 'gelu' }), memory: { quantization: 'f16' } }],
  ['llama', bottleneck({ placement: 'pfeiffer', bottleneck_size: 7, train_layer_norms: true })],
  ['llama', bottleneck({ placement: 'residual_series' })],
  ['gpt2', bottleneck({ placement: 'residual_parallel' })],
];

describe('bottleneck adapters', () => {
  for (const [family, overrides] of cases)
    it(`on ${family} ${JSON.stringify(overrides.method)} measure what they forecast and resume bit for bit`, async () => {
      const job = smallJob(family, overrides);
      const whole = await runJob(job);
      const [memory] = eventsOf(whole, 'memory');
      assert.deepEqual(memory.measured, memory.forecast);
      const planned = forecast(job.config, parseModelConfig(job.model.config, family));
      assert.equal(planned.trainableParameters, eventsOf(whole, 'started')[0].trainableParameters);
      const checkpoint = whole.find(output => output.kind === 'checkpoint');
      assert.ok(checkpoint?.kind === 'checkpoint' && checkpoint.step === 3);
      const rest = await runJob({ ...job, checkpoint: checkpoint.files });
      assert.deepEqual(lossesOf(rest), lossesOf(whole).slice(3));
      assert.deepEqual(rest.at(-1), whole.at(-1));
      assert.deepEqual(eventsOf(rest, 'importance'), eventsOf(whole, 'importance').slice(2));
      const [before, ...after] = eventsOf(whole, 'evaluation').map(event => event.loss);
      assert.ok(after.length === 2 && after.every(loss => loss !== before));
    });

  for (const method of [{ init_weights: 'mam_adapter' }, { placement: 'residual_series' }])
    for (const family of ['gpt2', 'llama'] as const)
      it(`on ${family} ${JSON.stringify(method)} start as the base model, bit for bit`, async () => {
        const base = await firstLogits(family, { method: { init_lora_weights: true } });
        assert.deepEqual(await firstLogits(family, bottleneck(method)), base);
        const other = await firstLogits(family, bottleneck({ ...method, placement: 'pfeiffer', init_weights: 'bert' }));
        assert.notDeepEqual(other, base);
      });

  it('in parallel start as the base model, bit for bit', async () => {
    const base = await firstLogits('gpt2', { method: { init_lora_weights: true } });
    assert.deepEqual(await firstLogits('gpt2', bottleneck({ placement: 'residual_parallel' })), base);
  });

  it('report how far they move what they read, per sublayer and block', async () => {
    const zero = bottleneck({ init_weights: 'mam_adapter' });
    const outputs = await runJob(
      smallJob('llama', { ...zero, training: { max_steps: 2, importance_steps: 1, warmup_steps: 0 } }),
    );
    const [first, second] = eventsOf(outputs, 'importance').map(({ tables }) => tables);
    for (const table of first) {
      assert.deepEqual(table.modules, ['attention', 'mlp']);
      assert.deepEqual(table.blocks, [0, 1]);
    }
    assert.deepEqual(values(first, 'gate_norm'), [0, 0, 0, 0], 'a zero up-projection moves nothing');
    assert.ok(values(second, 'gate_norm').every(value => value > 0 && value < 1));
    assert.ok(values(first, 'gradient_norm').every(value => value > 0));
  });

  it('measure nothing when importance is off', async () => {
    const overrides = bottleneck({});
    const outputs = await runJob(smallJob('llama', { ...overrides, training: { max_steps: 1, importance_steps: 0 } }));
    const op = eventsOf(outputs, 'timeline')[0].points.map(point => point.op);
    assert.ok(!op.some(name => name.endsWith('.gate')));
    assert.equal(eventsOf(outputs, 'importance').length, 0);
  });
});

function values(tables: readonly ImportanceTable[], metric: string): number[] {
  const table = tables.find(one => one.metric === metric);
  assert.ok(table, metric);
  return table.values.flat().map(value => value ?? NaN);
}

async function firstLogits(family: SmallFamily, overrides: Overrides): Promise<Float32Array> {
  let logits = new Float32Array();
  const inspect = async (engine: Engine, step: number) => {
    if (step === 0) logits = new Float32Array(await engine.logits([5, 9, 3], new Uint32Array(stepWords)));
  };
  await runJob(smallJob(family, { ...overrides, training: { max_steps: 1 } }), { inspect });
  return logits;
}
