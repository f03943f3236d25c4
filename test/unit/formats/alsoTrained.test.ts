import { strict as assert } from 'node:assert';
import { runConfigSchema, type LoraConfig } from '../../../src/common/config/schema';
import { ProblemError } from '../../../src/common/errors';
import { f32Bytes } from '../../../webview/engine/formats/dtypes';
import { readLoraAdapter } from '../../../webview/engine/formats/peftAdapter';
import { readSafetensors, writeSafetensors } from '../../../webview/engine/formats/safetensors';
import { alsoTrained } from '../../../webview/engine/methods/alsoTrained';
import { loraMethod } from '../../../webview/engine/methods/lora';
import { moduleCatalog, tensorCatalog } from '../../../webview/engine/model/catalog';
import { parseModelConfig, type ModelConfig } from '../../../webview/engine/model/config';
import { wholeTensor } from '../../../webview/engine/model/parts';

const gpt2 = parseModelConfig('{"model_type":"gpt2","n_embd":8,"n_layer":2,"n_head":2,"vocab_size":5}', 'gpt2');
const llama = parseModelConfig(
  '{"model_type":"llama","hidden_size":8,"intermediate_size":12,"num_hidden_layers":2,"num_attention_heads":2,"vocab_size":5}',
  'llama',
);

function lora(keys: object): LoraConfig {
  const { method } = runConfigSchema.parse({
    model: 'm',
    data: { train: 't' },
    method: { type: 'lora', r: 2, ...keys },
  });
  assert.ok(method.type === 'lora');
  return method;
}

function methodFor(model: ModelConfig, keys: object) {
  return loraMethod({ config: lora(keys), model, modelName: 'base', seed: 1 });
}

/** An export of a run whose tensors all hold their index. */
function exported(model: ModelConfig, keys: object) {
  const method = methodFor(model, keys);
  const values = new Map<string, Float32Array>();
  for (const { name, shape } of tensorCatalog(model)) if (method.trainsBase(name)) values.set(name, counting(shape));
  for (const module of moduleCatalog(model)) {
    values.set(`${module.path}.lora_A.weight`, counting([2, module.in]));
    values.set(`${module.path}.lora_B.weight`, counting([module.out, 2]));
  }
  return method.exportFiles(values);
}

function counting(shape: readonly number[]): Float32Array {
  return Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i);
}

function keysOf(files: ReturnType<typeof exported>): string[] {
  return [...readSafetensors(files['adapter_model.safetensors'], 'it').tensors.keys()].filter(
    key => !key.includes('lora_'),
  );
}

function trained(model: ModelConfig, keys: object): string[] {
  return alsoTrained(lora(keys), model, ['transformer.h.1.attn.c_proj']).map(({ name }) => name);
}

describe('what trains beside low-rank matrices', () => {
  it('is chosen by endings, as in PEFT', () => {
    assert.deepEqual(trained(llama, { modules_to_save: ['norm'] }), [
      'model.layers.0.input_layernorm.weight',
      'model.layers.0.post_attention_layernorm.weight',
      'model.layers.1.input_layernorm.weight',
      'model.layers.1.post_attention_layernorm.weight',
      'model.norm.weight',
    ]);
    assert.deepEqual(trained(gpt2, { modules_to_save: ['1.ln_2'] }), [
      'transformer.h.1.ln_2.weight',
      'transformer.h.1.ln_2.bias',
    ]);
    assert.deepEqual(trained(gpt2, { bias: 'lora_only' }), ['transformer.h.1.attn.c_proj.bias']);
    assert.equal(trained(gpt2, { bias: 'all' }).length, 13);
    assert.deepEqual(trained(llama, { bias: 'all' }), []);
    assert.deepEqual(trained(gpt2, {}), []);
  });

  it('names what matches nothing, and a head that is the embedding', () => {
    const refusal = (model: ModelConfig, names: string[]) => {
      try {
        alsoTrained(lora({ modules_to_save: names }), model, []);
      } catch (error) {
        assert.ok(error instanceof ProblemError);
        return `${error.problem.message} ${error.problem.hint}`;
      }
      return assert.fail('nothing was refused');
    };
    assert.match(refusal(llama, ['embed_token']), /no module of this model is called so\. Did you mean embed_tokens\?/);
    assert.match(refusal(gpt2, ['lm_head']), /is its token embedding\. Name wte instead/);
    assert.deepEqual(trained(llama, { modules_to_save: ['lm_head'] }), ['lm_head.weight']);
  });

  it('gets no low-rank update', () => {
    const files = exported(llama, { modules_to_save: ['q_proj'] });
    const keys = [...readSafetensors(files['adapter_model.safetensors'], 'it').tensors.keys()];
    assert.ok(!keys.some(key => key.includes('q_proj.lora_')));
    assert.ok(keys.includes('base_model.model.model.layers.1.self_attn.q_proj.weight'));
  });

  it("is saved under PEFT's keys and read back", () => {
    for (const [model, keys] of [
      [gpt2, { bias: 'all', target_modules: ['c_attn'] }],
      [gpt2, { modules_to_save: ['wte', 'ln_f'] }],
      [llama, { modules_to_save: ['embed_tokens', 'lm_head', 'norm'] }],
    ] as const) {
      const files = exported(model, keys);
      const adapter = readLoraAdapter(files, moduleCatalog(model), tensorCatalog(model));
      const method = loraMethod({ config: lora(keys), model, modelName: 'base', seed: 1, adapter });
      for (const { name, shape } of tensorCatalog(model))
        assert.deepEqual(method.startValue?.(name), method.trainsBase(name) ? counting(shape) : undefined, name);
    }
    const bias = keysOf(exported(gpt2, { bias: 'all', target_modules: ['c_attn'] }));
    assert.ok(bias.includes('base_model.model.transformer.h.0.attn.c_attn.base_layer.bias'));
    assert.ok(bias.includes('base_model.model.transformer.h.0.mlp.c_fc.bias'));
  });

  it('is in the file twice where one weight is embedding and head, and in the config', () => {
    const files = exported(gpt2, { modules_to_save: ['wte'] });
    assert.deepEqual(keysOf(files), ['base_model.model.lm_head.weight', 'base_model.model.transformer.wte.weight']);
    const config = JSON.parse(new TextDecoder().decode(files['adapter_config.json'])) as Record<string, unknown>;
    assert.deepEqual(config['modules_to_save'], ['wte', 'lm_head']);
  });

  it('is refused where it was trained apart from the head', () => {
    const files = exported(gpt2, { modules_to_save: ['wte'] });
    const bytes = files['adapter_model.safetensors'];
    const tensors = [...readSafetensors(bytes, 'it').tensors].map(([name, { dtype, shape, begin, end }]) => {
      const other = {
        dtype,
        shape,
        bytes: name.includes('lm_head') ? f32Bytes(new Float32Array(40)) : bytes.subarray(begin, end),
      };
      return [name, other] as const;
    });
    const read = (entries: readonly (typeof tensors)[number][]) =>
      readLoraAdapter(
        { ...files, 'adapter_model.safetensors': writeSafetensors(new Map(entries)) },
        moduleCatalog(gpt2),
        tensorCatalog(gpt2),
      );
    assert.throws(() => read(tensors), /the embedding and the head apart/);
    assert.throws(
      () => read(tensors.filter(([name]) => !name.includes('lm_head'))),
      /the embedding and the head apart/,
    );
  });

  it('must be what the config trains', () => {
    const files = exported(llama, { modules_to_save: ['norm'] });
    const adapter = readLoraAdapter(files, moduleCatalog(llama), tensorCatalog(llama));
    const go = (keys: object) => loraMethod({ config: lora(keys), model: llama, modelName: '', seed: 1, adapter });
    assert.throws(() => go({}), /holds a trained model\.layers\.0\.input_layernorm\.weight/);
    assert.throws(() => go({ modules_to_save: ['norm', 'lm_head'] }), /holds no lm_head\.weight/);
  });
});

describe('large tables', () => {
  it('are put together from their parts', () => {
    const parts = new Map([
      ['table#64', Float32Array.of(3, 4)],
      ['table#0', Float32Array.of(1, 2)],
      ['tables', Float32Array.of(9)],
    ]);
    assert.deepEqual(wholeTensor(parts, 'table'), Float32Array.of(1, 2, 3, 4));
    assert.deepEqual(wholeTensor(parts, 'tables'), Float32Array.of(9));
    assert.equal(wholeTensor(parts, 'tab'), undefined);
  });
});
