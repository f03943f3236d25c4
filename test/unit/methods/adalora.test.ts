import assert from 'node:assert/strict';
import fc from 'fast-check';
import { runConfigSchema, type AdaloraConfig } from '../../../src/common/config/schema';
import { readAdaloraAdapter } from '../../../webview/engine/formats/adaloraAdapter';
import { allocationAt, cube } from '../../../webview/engine/methods/adaloraBudget';
import { keptTriplets } from '../../../webview/engine/methods/adaloraExport';
import { modulesOf, readStructure, startStructure } from '../../../webview/engine/methods/adaloraModules';
import { moduleCatalog } from '../../../webview/engine/model/catalog';
import { parseModelConfig } from '../../../webview/engine/model/config';
import reference from '../../reference/adalora.json';
import models from '../../reference/models.json';

const schedule = { initial: 168, target: 112, tinit: 10, tfinal: 20, deltaT: 4, totalStep: 60 };

describe("AdaLoRA's budget", () => {
  it('falls with the cube of what is left, in whole triplets', () => {
    // Python: int((168 - 112) * (1 - (step - 10) / 30) ** 3 + 112)
    const expected = [
      [1, 168],
      [10, 168],
      [11, 162],
      [13, 152],
      [25, 119],
      [39, 112],
      [40, 112],
      [60, 112],
    ];
    for (const [step, budget] of expected) assert.equal(allocationAt(schedule, step).budget, budget, `step ${step}`);
  });

  it('prunes at multiples of deltaT, at the last decision, and then only masks', () => {
    const steps = Array.from({ length: 60 }, (_, index) => index + 1);
    const decisions = steps.filter(step => allocationAt(schedule, step).prunes > 0);
    assert.deepEqual(decisions, [12, 16, 20, 24, 28, 32, 36, 40]);
    assert.deepEqual(
      steps.filter(step => allocationAt(schedule, step).masks),
      [...decisions.filter(step => step < 40), ...steps.slice(39)],
    );
    assert.equal(allocationAt(schedule, 40).prunes, 56);
    assert.deepEqual(
      steps.filter(step => !allocationAt(schedule, step).measures),
      steps.slice(39),
    );
  });

  it('never rises, and ends at the target', () => {
    const numbers = fc.record({
      initial: fc.integer({ min: 1, max: 3000 }),
      target: fc.nat({ max: 3000 }),
      tinit: fc.nat({ max: 300 }),
      window: fc.integer({ min: 1, max: 300 }),
      tfinal: fc.nat({ max: 300 }),
      deltaT: fc.integer({ min: 1, max: 50 }),
    });
    fc.assert(
      fc.property(numbers, ({ window, ...given }) => {
        const target = Math.min(given.target, given.initial);
        const full = { ...given, target, totalStep: given.tinit + window + given.tfinal };
        let last = full.initial;
        for (let step = 1; step <= full.totalStep; step++) {
          const { budget, prunes } = allocationAt(full, step);
          assert.ok(budget <= last && budget >= target);
          assert.ok(prunes === 0 || prunes === full.initial - budget);
          last = budget;
        }
        assert.equal(allocationAt(full, full.totalStep).budget, target);
      }),
      { numRuns: 100 },
    );
  });

  it('refuses a schedule without a window', () => {
    assert.throws(() => allocationAt({ ...schedule, tinit: 40 }, 1), /leave none to give ranks out/);
  });

  it('cubes as exactly as a double can', () => {
    fc.assert(
      fc.property(fc.nat({ max: 2 ** 26 }), numerator => {
        const x = numerator / 2 ** 26;
        const exact = BigInt(numerator) ** 3n;
        assert.equal(cube(x), Number(exact) / 2 ** 78);
      }),
    );
  });
});

const model = parseModelConfig(models.models.llama.config, 'config.json');

function configOf(keys: object = {}): AdaloraConfig {
  const method = {
    type: 'adalora',
    init_r: 4,
    lora_alpha: 6,
    target_modules: ['q_proj', 'v_proj', 'down_proj'],
    ...keys,
  };
  const parsed = runConfigSchema.parse({ model: 'm', data: { train: 't' }, method });
  assert.ok(parsed.method.type === 'adalora');
  return parsed.method;
}

const files = Object.fromEntries(
  Object.entries(reference.llama.files).map(([file, data]) => [file, new Uint8Array(Buffer.from(data, 'base64'))]),
);
const adapter = readAdaloraAdapter(files, moduleCatalog(model));

describe("AdaLoRA's structure", () => {
  it('starts whole, or with the ranks of the adapter it continues', () => {
    const fresh = modulesOf(configOf(), model, startStructure(configOf(), model));
    assert.deepEqual(
      fresh.map(({ rank, first }) => [rank, first]),
      [0, 4, 8, 12, 16, 20].map(first => [4, first]),
    );
    const continued = modulesOf(configOf(), model, startStructure(configOf(), model, adapter));
    assert.deepEqual(
      continued.map(({ rank, first }) => [rank, first]),
      [
        [2, 0],
        [0, 2],
        [3, 2],
        [2, 5],
        [3, 7],
        [3, 10],
      ],
    );
  });

  it('refuses an adapter of another scale or for other modules', () => {
    const cases: readonly (readonly [object, RegExp])[] = [
      [{ init_r: 6 }, /was trained with init_r 4, the config has 6/],
      [{ lora_alpha: 8 }, /was trained with lora_alpha 6, the config has 8/],
      [{ target_modules: ['q_proj', 'v_proj'] }, /also adapts \S+down_proj/],
      [{ target_modules: 'all-linear' }, /has nothing for \S+k_proj/],
    ];
    for (const [keys, expected] of cases) assert.throws(() => startStructure(configOf(keys), model, adapter), expected);
  });

  it('comes back from a checkpoint, and from nothing else', () => {
    const structure = startStructure(configOf(), model, adapter);
    const saved: unknown = JSON.parse(JSON.stringify({ ...structure, frozen: true }));
    assert.deepEqual(readStructure(saved, configOf(), model), { ...structure, frozen: true });
    assert.equal(readStructure(undefined, configOf(), model), undefined);
    const damaged: readonly unknown[] = [
      null,
      3,
      {},
      { frozen: 1, triplets: structure.triplets },
      { frozen: true, triplets: {} },
      { frozen: true, triplets: { ...structure.triplets, 'model.layers.0.self_attn.q_proj': '11' } },
      { frozen: true, triplets: { ...structure.triplets, 'model.layers.0.self_attn.q_proj': [1] } },
    ];
    for (const state of damaged)
      assert.throws(() => readStructure(state, configOf(), model), /other modules or another init_r/);
  });
});

describe("AdaLoRA's kept triplets", () => {
  const modules = modulesOf(configOf(), model, startStructure(configOf(), model, adapter));
  const values = new Map<string, Float32Array>(adapter.tensors);

  it('are all of an adapter, at the places they had among the first', () => {
    const kept = keptTriplets(modules, values);
    assert.deepEqual(kept.targets, adapter.targets);
    assert.deepEqual(kept.tensors, adapter.tensors);
  });

  it('leave out singular values that are zero, with their rows and columns', () => {
    const { nameA, nameB, nameE, kept, module } = modules[2];
    const e = Float32Array.from(values.get(nameE) ?? []);
    e[1] = 0;
    const cut = keptTriplets(modules, new Map([...values, [nameE, e]]));
    const places = kept.flatMap((is, index) => (is ? [index] : []));
    assert.deepEqual(
      cut.targets[2].kept,
      kept.map((is, index) => is && index !== places[1]),
    );
    assert.deepEqual([...(cut.tensors.get(nameE) ?? [])], [e[0], e[2]]);
    const a = values.get(nameA) ?? new Float32Array();
    assert.deepEqual(cut.tensors.get(nameA), Float32Array.from([...a.slice(0, module.in), ...a.slice(2 * module.in)]));
    const b = values.get(nameB) ?? new Float32Array();
    assert.deepEqual(
      cut.tensors.get(nameB),
      b.filter((_, at) => at % 3 !== 1),
    );
  });

  it('are all of them as long as nothing was trained', () => {
    const zero = [...values].map(([name, data]) => [name, name.endsWith('lora_E') ? data.map(() => 0) : data] as const);
    assert.deepEqual(keptTriplets(modules, new Map(zero)).targets, adapter.targets);
  });
});
