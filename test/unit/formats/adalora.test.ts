import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ProblemError } from '../../../src/common/errors';
import { runConfigSchema, type AdaloraConfig } from '../../../src/common/config/schema';
import type { FileSet } from '../../../src/common/run/events';
import { readAdaloraAdapter } from '../../../webview/engine/formats/adaloraAdapter';
import { rankOf, writeFoldedAdapter } from '../../../webview/engine/formats/adaloraFold';
import { writeAdaloraAdapter } from '../../../webview/engine/formats/adaloraWriter';
import { readLoraAdapter } from '../../../webview/engine/formats/peftAdapter';
import { readSafetensors, writeSafetensors } from '../../../webview/engine/formats/safetensors';
import { adaloraChanges } from '../../../webview/engine/methods/adaloraMerge';
import { loraFileChanges } from '../../../webview/engine/methods/merge';
import { moduleCatalog, tensorCatalog } from '../../../webview/engine/model/catalog';
import { parseModelConfig } from '../../../webview/engine/model/config';
import reference from '../../reference/adalora.json';
import models from '../../reference/models.json';

const names = ['gpt2', 'gpt2-whole', 'llama', 'llama-whole'] as const;
type Name = (typeof names)[number];
const weights = 'adapter_model.safetensors';
const settings = { type: 'adalora', init_r: 4, target_r: 2, lora_alpha: 6, tinit: 2, tfinal: 5 };
const targets = { gpt2: ['c_attn', 'mlp.c_proj'], llama: ['q_proj', 'v_proj', 'down_proj'] };

function familyOf(name: Name): 'gpt2' | 'llama' {
  return name.startsWith('gpt2') ? 'gpt2' : 'llama';
}

function filesOf(name: Name): Record<string, Uint8Array> {
  const entries = Object.entries(reference[name].files);
  return Object.fromEntries(entries.map(([file, data]) => [file, new Uint8Array(Buffer.from(data, 'base64'))]));
}

function modelOf(name: Name) {
  return parseModelConfig(models.models[familyOf(name)].config, 'config.json');
}

function configOf(name: Name): AdaloraConfig {
  const method = { ...settings, target_modules: targets[familyOf(name)] };
  const parsed = runConfigSchema.parse({ model: 'm', data: { train: 't' }, method });
  assert.ok(parsed.method.type === 'adalora');
  return parsed.method;
}

const read = (name: Name, files: FileSet = filesOf(name)) => readAdaloraAdapter(files, moduleCatalog(modelOf(name)));

function origin(name: Name) {
  return { config: configOf(name), model: modelOf(name), modelName: 'base', totalStep: 20 };
}

function json(files: FileSet): Record<string, unknown> {
  return JSON.parse(new TextDecoder().decode(files['adapter_config.json'])) as Record<string, unknown>;
}

function withConfig(name: Name, changes: object): FileSet {
  const files = filesOf(name);
  const text = JSON.stringify({ ...json(files), ...changes });
  return { ...files, 'adapter_config.json': new TextEncoder().encode(text) };
}

function message(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof ProblemError) return `${error.problem.code}: ${error.problem.message}`;
    throw error;
  }
  throw new assert.AssertionError({ message: 'no problem was thrown' });
}

/** A weight of zeros: a change makes it the update. */
function zerosOf(name: string, model: ReturnType<typeof modelOf>): Float32Array {
  const spec = tensorCatalog(model).find(one => one.name === name);
  return new Float32Array(spec?.shape.reduce((a, b) => a * b, 1) ?? 0);
}

describe('AdaLoRA adapters that PEFT saved', () => {
  for (const name of names) {
    it(`${name}: are read with the ranks they kept, and give PEFT's updates`, () => {
      const adapter = read(name);
      const ranks = Object.fromEntries(adapter.targets.map(target => [target.module.path, rankOf(target)]));
      assert.deepEqual(ranks, { ...reference[name].ranks });
      assert.equal(Object.values(ranks).includes(0), !name.includes('whole'));
      assert.deepEqual(adapter.warnings, []);
      const changes = adaloraChanges(adapter, modelOf(name));
      for (const [path, delta] of Object.entries(reference[name].deltas)) {
        const update = changes.get(`${path}.weight`)?.(zerosOf(`${path}.weight`, modelOf(name)));
        assert.equal(update === undefined, ranks[path as keyof typeof ranks] === 0);
        delta.forEach((value, at) => assert.ok(Math.abs(value - (update?.[at] ?? 0)) < 1e-7, `${path} ${at}`));
      }
    });

    it(`${name}: are written again as they were`, () => {
      const original = filesOf(name);
      const ours = writeAdaloraAdapter(origin(name), read(name));
      assert.deepEqual(ours[weights], original[weights]);
      const [written, theirs] = [json(ours), json(original)];
      // PEFT corrects fan_in_fan_out for GPT-2 while it loads or makes an adapter.
      const free = ['base_model_name_or_path', 'target_modules'];
      for (const key of Object.keys(written).filter(one => !free.includes(one)))
        assert.deepEqual(written[key], theirs[key], key);
      assert.deepEqual(Object.keys(written), Object.keys(written).sort());
    });

    it(`${name}: fold into a LoRA adapter with the same updates, without modules of rank 0`, () => {
      const adapter = read(name);
      const model = modelOf(name);
      const lora = readLoraAdapter(writeFoldedAdapter(origin(name), adapter), moduleCatalog(model));
      const kept = adapter.targets.filter(target => rankOf(target) > 0);
      assert.deepEqual(
        lora.targets.map(({ module, rank, alpha }) => [module.path, rank, alpha]),
        kept.map(target => [target.module.path, rankOf(target), rankOf(target)]),
      );
      const folded = loraFileChanges(lora, model);
      for (const [path, change] of adaloraChanges(adapter, model)) {
        const zeros = zerosOf(path, model);
        assert.deepEqual(folded.get(path)?.(zeros), change(zeros), path);
      }
      assert.equal(folded.size, kept.length);
    });
  }

  it('may name the adapter in the pattern, as older PEFT versions do', () => {
    const pattern = json(filesOf('llama')).rank_pattern as Record<string, boolean[]>;
    const renamed = Object.fromEntries(Object.entries(pattern).map(([key, kept]) => [`${key}.default`, kept]));
    assert.deepEqual(read('llama', withConfig('llama', { rank_pattern: renamed })).targets, read('llama').targets);
  });
});

/** The files with one tensor renamed, reshaped or left out. */
function withTensor(name: Name, key: RegExp, change: (shape: number[]) => number[] | undefined): FileSet {
  const files = filesOf(name);
  const entries = [...readSafetensors(files[weights], weights).tensors].flatMap(([tensor, entry]) => {
    const shape = key.test(tensor) ? change([...entry.shape]) : entry.shape;
    const bytes = files[weights].subarray(entry.begin, entry.end);
    return shape ? [[tensor, { dtype: entry.dtype, shape, bytes }] as const] : [];
  });
  return { ...files, [weights]: writeSafetensors(new Map(entries)) };
}

describe('AdaLoRA adapters that do not fit', () => {
  const path = 'model.layers.0.self_attn.q_proj';
  const pattern = (kept: unknown, key = `${path}.lora_E`) =>
    withConfig('llama', { rank_pattern: { ...(json(filesOf('llama')).rank_pattern as object), [key]: kept } });
  const cases: readonly (readonly [string, FileSet, RegExp])[] = [
    ['plain LoRA', withConfig('llama', { peft_type: 'LORA' }), /^adapter\.type: .*only "ADALORA"/],
    ['rsLoRA with DoRA', withConfig('llama', { use_dora: true }), /^adapter\.variant: .*DoRA/],
    ['init_r', withConfig('llama', { init_r: 0 }), /init_r must be a whole number from 1/],
    ['another init_r', withConfig('llama', { init_r: 5 }), /^adapter\.rank: .*has 4 entries for \S+, but init_r is 5/],
    [
      'pattern of numbers',
      pattern([1, 0, 1, 1]),
      /^adapter\.config: .*q_proj\.lora_E must be a list of true and false/,
    ],
    [
      'pattern that is a list',
      withConfig('llama', { rank_pattern: [1] }),
      /rank_pattern must be an object, not a list/,
    ],
    ['pattern of LoRA', pattern([true], 'q_proj'), /rank_pattern has the key q_proj, which does not end in \.lora_E/],
    ['unknown module', pattern([true], 'model.nothing.lora_E'), /^adapter\.module: .*names model\.nothing/],
    ['more kept', pattern([true, true, true, true]), /^adapter\.shape: .*q_proj\.lora_A has the shape \[2, 16\]/],
    [
      'no B',
      withTensor('llama', /0\.self_attn\.q_proj\.lora_B/, () => undefined),
      /^adapter\.tensor: .*lacks \S+lora_B/,
    ],
    ['no module', withTensor('llama', /0\.self_attn\.q_proj/, () => undefined), /^adapter\.tensor: .*lacks \S+q_proj/],
    [
      'turned A',
      withTensor('llama', /0\.self_attn\.q_proj\.lora_A/, shape => shape.reverse()),
      /has the shape \[16, 2\]/,
    ],
  ];
  for (const [what, files, expected] of cases)
    it(`${what}`, () => {
      assert.match(
        message(() => read('llama', files)),
        expected,
      );
    });

  it('of another model', () => {
    assert.match(
      message(() => readAdaloraAdapter(filesOf('gpt2'), moduleCatalog(modelOf('llama')))),
      /^adapter\.module: adapter_model\.safetensors adapts transformer\.h\.0/,
    );
  });

  it('survive any damage: an adapter or a problem', () => {
    const edits = fc.array(fc.record({ at: fc.nat(), byte: fc.nat({ max: 255 }) }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(edits, fc.constantFrom('adapter_config.json', weights), (changes, file) => {
        const files = filesOf('gpt2');
        for (const { at, byte } of changes) files[file][at % Math.min(files[file].length, 1500)] = byte;
        try {
          read('gpt2', files);
        } catch (error) {
          assert.ok(error instanceof ProblemError, String(error));
        }
      }),
      { numRuns: 300 },
    );
  });
});
