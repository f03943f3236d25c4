import assert from 'node:assert/strict';
import { runConfigSchema, type LoraConfig } from '../../../src/common/config/schema';
import { writeFullModel } from '../../../webview/engine/formats/fullModel';
import { readLoraAdapter } from '../../../webview/engine/formats/peftAdapter';
import { writeLoraAdapter } from '../../../webview/engine/formats/peftAdapterWriter';
import { selectTargets } from '../../../webview/engine/methods/targets';
import { moduleCatalog, tensorCatalog } from '../../../webview/engine/model/catalog';
import { parseModelConfig } from '../../../webview/engine/model/config';
import { openTensors } from '../../../webview/engine/model/source';
import { shardsOf } from '../../../webview/engine/train/readModel';
import reference from '../../reference/models.json';

type Family = 'gpt2' | 'llama';

function loraConfig(fields: object): LoraConfig {
  const config = { model: 'm', data: { train: 't' }, method: { type: 'lora', ...fields } };
  const { method } = runConfigSchema.parse(config);
  assert.ok(method.type === 'lora');
  return method;
}

const modelOf = (name: Family) => parseModelConfig(reference.models[name].config, 'config.json');

/** Exports an adapter with zero tensors and reads it back. */
function roundTrip(name: Family, fields: object) {
  const config = loraConfig(fields);
  const model = modelOf(name);
  const modules = moduleCatalog(model);
  const { targets } = selectTargets(modules, config);
  const tensors = new Map<string, Float32Array>();
  for (const { module, rank } of targets) {
    tensors.set(`${module.path}.lora_A.weight`, new Float32Array(rank * module.in));
    tensors.set(`${module.path}.lora_B.weight`, new Float32Array(rank * module.out));
  }
  const files = writeLoraAdapter({ config, model, modelName: 'base', targets, tensors });
  const text = new TextDecoder().decode(files['adapter_config.json']);
  return { targets, text, written: JSON.parse(text) as Record<string, unknown>, read: readLoraAdapter(files, modules) };
}

describe('exported adapters', () => {
  it("have PEFT's bytes for PEFT's tensors", () => {
    const settings: [Family, object][] = [
      ['gpt2', { r: 4, lora_alpha: 8, target_modules: ['c_attn', 'mlp.c_proj'], rank_pattern: { 'mlp.c_proj': 2 } }],
      ['llama', { r: 3, lora_alpha: 6, use_rslora: true, lora_dropout: 0.1 }],
    ];
    for (const [name, fields] of settings) {
      const { files } = reference.adapters[name];
      const original = Object.fromEntries(
        Object.entries(files).map(([file, data]) => [file, new Uint8Array(Buffer.from(data, 'base64'))]),
      );
      const model = modelOf(name);
      const { targets, tensors } = readLoraAdapter(original, moduleCatalog(model));
      const ours = writeLoraAdapter({ config: loraConfig(fields), model, modelName: 'base', targets, tensors });
      assert.deepEqual(ours['adapter_model.safetensors'], original['adapter_model.safetensors']);
      const config = JSON.parse(new TextDecoder().decode(original['adapter_config.json'])) as Record<string, unknown>;
      const written = JSON.parse(new TextDecoder().decode(ours['adapter_config.json'])) as Record<string, unknown>;
      const same = Object.keys(written).filter(key => !['base_model_name_or_path', 'target_modules'].includes(key));
      // PEFT corrects fan_in_fan_out for GPT-2 while it loads or makes an adapter.
      for (const key of same) assert.deepEqual(written[key], config[key], key);
    }
  });

  it('have sorted keys and two spaces', () => {
    const { text, written } = roundTrip('llama', {});
    assert.equal(text, JSON.stringify(written, Object.keys(written).sort(), 2));
  });

  it('name their targets so that PEFT finds the same modules', () => {
    const targetsOf = (name: Family, fields: object) => {
      const { written, targets, read } = roundTrip(name, fields);
      const { target_modules: names, layers_to_transform: layers } = written;
      const again = selectTargets(moduleCatalog(modelOf(name)), {
        target_modules: names as string[],
        layers_to_transform: (layers ?? undefined) as number[] | undefined,
        r: 8,
        lora_alpha: 8,
      });
      assert.deepEqual(
        again.targets.map(target => target.module.path),
        targets.map(target => target.module.path),
      );
      assert.deepEqual(read.targets, targets);
      return names;
    };
    assert.deepEqual(targetsOf('gpt2', { target_modules: 'all-linear' }), ['c_attn', 'c_proj', 'c_fc']);
    assert.deepEqual(targetsOf('gpt2', { target_modules: String.raw`.*\.attn\..*` }), [
      'transformer.h.0.attn.c_attn',
      'transformer.h.0.attn.c_proj',
      'transformer.h.1.attn.c_attn',
      'transformer.h.1.attn.c_proj',
    ]);
    assert.deepEqual(targetsOf('llama', { target_modules: ['q_proj', 'mlp'], layers_to_transform: 1 }), ['q_proj']);
    assert.deepEqual(targetsOf('llama', { target_modules: ['q_proj', 'k_proj'], exclude_modules: ['k_proj'] }), [
      'q_proj',
    ]);
  });

  it('keep ranks where sorting would change which pattern wins', () => {
    const pattern = { 'z|q_proj': 2, '.*_proj': 3 };
    const { written, targets, read } = roundTrip('llama', {
      target_modules: ['q_proj', 'v_proj'],
      rank_pattern: pattern,
    });
    assert.deepEqual(written['rank_pattern'], {
      'model.layers.0.self_attn.q_proj': 2,
      'model.layers.0.self_attn.v_proj': 3,
      'model.layers.1.self_attn.q_proj': 2,
      'model.layers.1.self_attn.v_proj': 3,
    });
    assert.deepEqual(read.targets, targets);
  });
});

describe('exported models', () => {
  it('hold every weight in F32 and the small files, the dtype of config.json brought in line', () => {
    const model = modelOf('llama');
    const values = new Map(
      tensorCatalog(model).map(({ name, shape }, index): [string, Float32Array] => {
        return [name, new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(index / 3)];
      }),
    );
    const config = '{"model_type": "llama", "torch_dtype": "bfloat16", "custom": [1]}';
    const files = writeFullModel({
      model,
      values,
      passthrough: { 'config.json': config, 'tokenizer.json': '{ "a":1}' },
    });
    const text = (name: string) => new TextDecoder().decode(files[name]);
    assert.deepEqual(JSON.parse(text('config.json')), { model_type: 'llama', torch_dtype: 'float32', custom: [1] });
    assert.equal(text('tokenizer.json'), '{ "a":1}');
    const source = openTensors(
      shardsOf({ weights: [{ name: 'model.safetensors', bytes: files['model.safetensors'] }] }),
      model,
    );
    for (const [name, expected] of values) assert.deepEqual(source.read(name), expected);
    values.delete('model.norm.weight');
    assert.throws(() => writeFullModel({ model, values, passthrough: {} }), /no weight model\.norm\.weight \[16\]/);
  });
});
