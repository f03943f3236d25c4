import { strict as assert } from 'node:assert';
import { engineSpec, forecastOf } from '../../webview/engine/forecast';
import { defaultLimits } from '../../webview/engine/memory/layout';
import { methodOf } from '../../webview/engine/methods/methodOf';
import { parseModelConfig } from '../../webview/engine/model/config';
import { planPrograms, type EnginePrograms } from '../../webview/engine/train/programs';
import { realConfig, realRunConfig, realShapes, type RealShape } from './realShapes';

const names = Object.keys(realShapes) as RealShape[];
const context = 1024;

/** The programs of a training run with examples of `tokens` tokens, planned for an adapter that offers the defaults. */
function planned(name: RealShape, tokens: number, type: string): EnginePrograms {
  const model = parseModelConfig(realConfig(name), name);
  const config = realRunConfig(tokens, { type }, {});
  const method = methodOf({ config, model, modelName: '', passthrough: {}, totalSteps: 2 });
  return planPrograms(engineSpec({ config, model, method, limits: defaultLimits, profile: 'gpu' }));
}

/** What WebGPU promises on every adapter, beside sizes of buffers and bindings. */
const [mostBindings, mostGroups] = [8, 65535];

describe('shapes of real models', () => {
  for (const name of names)
    for (const type of ['lora', 'full'])
      it(`${name}, ${type}: ${context} tokens stay within the limits of every adapter`, () => {
        const { plan, largest } = planned(name, context, type);
        for (const { label, bytes } of plan.buffers) assert.ok(bytes <= defaultLimits.maxBufferSize, label);
        for (const { dispatches } of Object.values(largest))
          for (const { node, bindings, grid, kernel } of dispatches) {
            assert.ok(kernel.bindings <= mostBindings && Math.max(...grid) <= mostGroups, node);
            for (const { id } of bindings) {
              const bound = plan.placements.get(id)?.bytes ?? Infinity;
              assert.ok(bound <= defaultLimits.maxStorageBufferBindingSize, `${node} binds ${bound} bytes`);
            }
          }
      });

  for (const name of names)
    it(`${name}: activations and workspace grow no faster than the number of tokens`, () => {
      for (const type of ['lora', 'full']) {
        const [half, whole] = [context / 2, context].map(tokens => forecastOf(planned(name, tokens, type)).bytes);
        for (const category of ['activations', 'workspace'] as const) {
          const [less, more] = [half[category] ?? 0, whole[category] ?? 0];
          assert.ok(less > 0 && more <= 2 * less, `${type} ${category}: ${less} to ${more}`);
        }
      }
    });
});
