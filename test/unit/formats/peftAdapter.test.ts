import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ProblemError } from '../../../src/common/errors';
import type { FileSet } from '../../../src/common/run/events';
import { checkContinues, readLoraAdapter } from '../../../webview/engine/formats/peftAdapter';
import { moduleCatalog, type ModuleSpec } from '../../../webview/engine/model/catalog';
import { parseModelConfig } from '../../../webview/engine/model/config';
import reference from '../../reference/models.json';

type AdapterName = keyof typeof reference.adapters;

function filesOf(name: AdapterName): Record<string, Uint8Array> {
  const entries = Object.entries(reference.adapters[name].files);
  return Object.fromEntries(entries.map(([file, data]) => [file, new Uint8Array(Buffer.from(data, 'base64'))]));
}

function modulesOf(name: 'gpt2' | 'llama' | 'llama-bias'): ModuleSpec[] {
  return moduleCatalog(parseModelConfig(reference.models[name].config, 'config.json'));
}

/** The files with changed keys in adapter_config.json. */
function withConfig(files: FileSet, changes: object): FileSet {
  const config = JSON.parse(new TextDecoder().decode(files['adapter_config.json'])) as object;
  return { ...files, 'adapter_config.json': new TextEncoder().encode(JSON.stringify({ ...config, ...changes })) };
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

describe('adapters that PEFT saved', () => {
  for (const name of ['gpt2', 'llama'] as const)
    it(`are read: ${name}`, () => {
      const adapter = readLoraAdapter(filesOf(name), modulesOf(name));
      const samples: Readonly<Record<string, number[]>> = reference.adapters[name].samples;
      assert.deepEqual([...adapter.tensors.keys()].sort(), Object.keys(samples).sort());
      for (const [key, values] of Object.entries(samples))
        assert.deepEqual([...(adapter.tensors.get(key) ?? []).slice(0, 3)], values);
      assert.deepEqual(adapter.warnings, []);
    });

  it('keep rank, alpha and scale', () => {
    const { targets, config } = readLoraAdapter(filesOf('gpt2'), modulesOf('gpt2'));
    assert.deepEqual(
      targets.map(({ module, rank, alpha }) => [module.path, rank, alpha]),
      [
        ['transformer.h.0.attn.c_attn', 4, 8],
        ['transformer.h.0.mlp.c_proj', 2, 8],
        ['transformer.h.1.attn.c_attn', 4, 8],
        ['transformer.h.1.mlp.c_proj', 2, 8],
      ],
    );
    assert.equal(config.use_rslora, false);
    assert.equal(readLoraAdapter(filesOf('llama'), modulesOf('llama')).config.use_rslora, true);
  });

  it('of variants that compute something else are refused', () => {
    const cases: [AdapterName, RegExp][] = [
      ['llama-dora', /^adapter\.variant: adapter_config\.json: use_dora is the boolean true; adapters with DoRA/],
      ['llama-save', /^adapter\.variant: adapter_config\.json: modules_to_save is a list; adapters with fully trained/],
      ['llama-embed', /^adapter\.tensor: .*embed_tokens\.\S+, which is no part of a plain LoRA adapter/],
    ];
    for (const [name, expected] of cases)
      assert.match(
        message(() => readLoraAdapter(filesOf(name), modulesOf('llama'))),
        expected,
      );
  });

  it('of another model are refused, with module and shapes', () => {
    assert.match(
      message(() => readLoraAdapter(filesOf('gpt2'), modulesOf('llama'))),
      /^adapter\.module: adapter_model\.safetensors adapts transformer\.h\.0\.attn\.c_attn, which this model does not/,
    );
    assert.match(
      message(() => readLoraAdapter(filesOf('llama'), modulesOf('llama-bias'))),
      /^adapter\.shape: .*layers\.0\.self_attn\.q_proj\.lora_B\.weight has the shape \[16, 3\]; .* need \[32, 3\]/,
    );
  });

  it('need both files and a LoRA config', () => {
    const files = filesOf('llama');
    const read = (changed: FileSet) => message(() => readLoraAdapter(changed, modulesOf('llama')));
    const weights = files['adapter_model.safetensors'];
    assert.match(read({ 'adapter_model.safetensors': weights }), /^adapter\.missing: .* no adapter_config\.json/);
    assert.match(read({ 'adapter_config.json': files['adapter_config.json'] }), /no adapter_model\.safetensors/);
    assert.match(read({ ...files, 'adapter_config.json': Uint8Array.of(0xff) }), /is not UTF-8/);
    assert.match(read({ ...files, 'adapter_config.json': new TextEncoder().encode('{') }), /line 1, column 2/);
    assert.match(read(withConfig(files, { peft_type: 'IA3' })), /^adapter\.type: .*peft_type the string "IA3"/);
    assert.match(read(withConfig(files, { bias: 'all' })), /bias is the string "all"; adapters with trained biases/);
    assert.match(read(withConfig(files, { r: 4 })), /has the shape \[3, 16\]; .* need \[4, 16\]/);
    assert.match(read(withConfig(files, { rank_pattern: { q_proj: 'x' } })), /q_proj must be a number above 0/);
  });

  it('may have keys nobody knows: a warning each', () => {
    const files = withConfig(filesOf('llama'), { novelty: 3, quiet: null });
    assert.deepEqual(readLoraAdapter(files, modulesOf('llama')).warnings, [
      'adapter_config.json: the key novelty is not known and was ignored.',
    ]);
  });

  it('must be finite', () => {
    const files = filesOf('llama');
    const weights = files['adapter_model.safetensors'];
    new DataView(weights.buffer, weights.byteOffset).setFloat32(weights.length - 4, NaN, true);
    assert.match(
      message(() => readLoraAdapter(files, modulesOf('llama'))),
      /^adapter\.nonfinite: .*lora_B\.weight contains NaN/,
    );
  });

  it('survive any damage: an adapter or a problem', () => {
    const edits = fc.array(fc.record({ at: fc.nat(), byte: fc.nat({ max: 255 }) }), { minLength: 1, maxLength: 4 });
    const modules = modulesOf('gpt2');
    fc.assert(
      fc.property(edits, fc.constantFrom('adapter_config.json', 'adapter_model.safetensors'), (changes, name) => {
        const files = filesOf('gpt2');
        for (const { at, byte } of changes) files[name][at % Math.min(files[name].length, 1500)] = byte;
        try {
          readLoraAdapter(files, modules);
        } catch (error) {
          assert.ok(error instanceof ProblemError, String(error));
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('continuing an adapter', () => {
  const adapter = readLoraAdapter(filesOf('llama'), modulesOf('llama'));
  const { targets } = adapter;

  it('takes the same modules, ranks and scales', () => checkContinues(adapter, targets, true));

  it('refuses any other, naming what differs', () => {
    const changed = (change: object) => [{ ...targets[0], ...change }, ...targets.slice(1)];
    const cases: [() => void, RegExp][] = [
      [() => checkContinues(adapter, targets, false), /was trained with use_rslora true/],
      [() => checkContinues(adapter, changed({ rank: 5 }), true), /has rank 3 in \S+q_proj, the config 5/],
      [() => checkContinues(adapter, changed({ alpha: 5 }), true), /has lora_alpha 6 in \S+q_proj, the config 5/],
      [() => checkContinues(adapter, targets.slice(1), true), /also adapts \S+layers\.0\.self_attn\.q_proj/],
      [
        () => checkContinues({ ...adapter, targets: targets.slice(1) }, targets, true),
        /has nothing for \S+layers\.0\.self_attn\.q_proj/,
      ],
    ];
    for (const [action, expected] of cases) assert.match(message(action), expected);
  });
});
