import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { runConfigSchema, type BottleneckConfig } from '../../../src/common/config/schema';
import { ProblemError } from '../../../src/common/errors';
import type { FileSet } from '../../../src/common/run/events';
import { checkContinuesAdapter, readBottleneckAdapter } from '../../../webview/engine/formats/adaptersLibrary';
import { writeBottleneckAdapter } from '../../../webview/engine/formats/adaptersLibraryWriter';
import { readSafetensors, writeSafetensors } from '../../../webview/engine/formats/safetensors';
import { adapterPlaces, bottleneckWidth, floorDivide } from '../../../webview/engine/methods/bottleneckPlaces';
import { tensorCatalog } from '../../../webview/engine/model/catalog';
import { parseModelConfig } from '../../../webview/engine/model/config';

const gpt2 = parseModelConfig('{"model_type":"gpt2","n_embd":12,"n_layer":3,"n_head":3,"vocab_size":7}', 'gpt2');

function method(keys: object = {}): BottleneckConfig {
  const config = { model: 'm', data: { train: 't' }, method: { type: 'bottleneck', reduction_factor: 4, ...keys } };
  const { method: parsed } = runConfigSchema.parse(config);
  assert.ok(parsed.type === 'bottleneck');
  return parsed;
}

/** An export with the element's number as its value. */
function written(config: BottleneckConfig): { files: FileSet; values: Map<string, Float32Array> } {
  const places = adapterPlaces(config, gpt2);
  const norms = config.train_layer_norms ? tensorCatalog(gpt2).filter(({ kind }) => kind === 'norm') : [];
  const values = new Map(
    [...places.flatMap(place => place.tensors), ...norms].map(({ name, shape }) => {
      const count = shape.reduce((product, size) => product * size, 1);
      return [name, Float32Array.from({ length: count }, (_, i) => i)] as const;
    }),
  );
  return { files: writeBottleneckAdapter({ config, model: gpt2, modelName: 'base', places, norms, values }), values };
}

function configOf(files: FileSet): { config: Record<string, unknown>; [key: string]: unknown } {
  return JSON.parse(new TextDecoder().decode(files['adapter_config.json'])) as never;
}

function withConfig(files: FileSet, change: (value: ReturnType<typeof configOf>) => void): FileSet {
  const value = configOf(files);
  change(value);
  return { ...files, 'adapter_config.json': new TextEncoder().encode(JSON.stringify(value)) };
}

describe('adapter folders of the adapters library', () => {
  for (const keys of [
    {},
    { placement: 'pfeiffer', train_layer_norms: true },
    { bottleneck_size: 5, leave_out: [1], non_linearity: 'gelu' },
    { placement: 'residual_parallel', train_layer_norms: true },
    { placement: 'residual_series' },
  ])
    it(`read back what was written: ${JSON.stringify(keys)}`, () => {
      const config = method(keys);
      const { files, values } = written(config);
      const adapter = readBottleneckAdapter(files, gpt2);
      assert.deepEqual([...adapter.tensors.keys()].sort(), [...values.keys()].sort());
      for (const [name, data] of values) assert.deepEqual(adapter.tensors.get(name), data);
      checkContinuesAdapter(adapter, config, adapterPlaces(config, gpt2));
    });

  it('write the numbers that Python must see as floats with a point', () => {
    const text = new TextDecoder().decode(written(method()).files['adapter_config.json']);
    for (const key of ['dropout": 0.0', 'scaling": 1.0', 'stochastic_depth": 0.0']) assert.ok(text.includes(key), key);
  });

  it('write a reduction factor that gives the width asked for', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4096 }), fc.integer({ min: 1, max: 4096 }), (d, m) => {
        fc.pre(m <= d);
        const model = { ...gpt2, hiddenSize: d };
        const file = writeBottleneckAdapter({
          config: method({ bottleneck_size: m }),
          model,
          modelName: '',
          places: [],
          norms: [],
          values: new Map(),
        });
        const factor = configOf(file).config['reduction_factor'];
        assert.ok(typeof factor === 'number');
        assert.equal(bottleneckWidth(method({ reduction_factor: factor }), d), m);
      }),
      { numRuns: 500 },
    );
  });

  it('divide as Python does', () => {
    assert.equal(floorDivide(768, 16), 48);
    assert.equal(floorDivide(1, 0.1), 9, 'the double 0.1 is more than a tenth');
    assert.equal(floorDivide(3, 4), 0);
  });

  it('may leave out the outer prefix and give the adapter any name', () => {
    const { files, values } = written(method());
    const bytes = files['adapter.safetensors'];
    const renamed = [...readSafetensors(bytes, 'it').tensors].map(([name, { dtype, shape, begin, end }]) => {
      const short = name.replace('transformer.', '').replace('.adapters.default.', '.adapters.mine.');
      return [short, { dtype, shape, bytes: bytes.subarray(begin, end) }] as const;
    });
    const weights = writeSafetensors(new Map(renamed));
    const named = withConfig({ ...files, 'adapter.safetensors': weights }, value => (value['name'] = 'mine'));
    assert.deepEqual(readBottleneckAdapter(named, gpt2).tensors.size, values.size);
  });

  it('are refused where the engine would compute something else', () => {
    const { files } = written(method());
    const changes: readonly (readonly [string, unknown, RegExp])[] = [
      ['scaling', 4, /config\.scaling is the number 4/],
      ['use_gating', true, /use_gating/],
      ['is_parallel', true, /is_parallel/],
      ['ln_before', true, /ln_before/],
      ['ln_after', true, /ln_after/],
      ['inv_adapter', 'nice', /inv_adapter/],
      ['phm_layer', true, /phm_layer/],
      ['original_ln_after', false, /original_ln_after/],
      ['original_ln_before', true, /original_ln_before/],
      ['output_adapter', false, /output_adapter/],
      ['non_linearity', 'tanh', /non_linearity is the string "tanh"/],
      ['architecture', 'lora', /architecture is the string "lora"/],
      ['reduction_factor', { default: 16 }, /reduction_factor/],
      ['reduction_factor', 2, /has the shape \[3, 12\].*need \[6, 12\]/],
      ['leave_out', [0], /which has no place/],
      ['leave_out', 'all', /leave_out must be a list/],
    ];
    for (const [key, value, message] of changes)
      assert.throws(
        () =>
          readBottleneckAdapter(
            withConfig(files, one => (one.config[key] = value)),
            gpt2,
          ),
        message,
        key,
      );
    const peft = { ...files, 'adapter_config.json': new TextEncoder().encode('{"peft_type":"LORA"}') };
    assert.throws(() => readBottleneckAdapter(peft, gpt2), /peft_type the string "LORA"/);
    const old = { 'adapter_config.json': files['adapter_config.json'], 'pytorch_adapter.bin': new Uint8Array() };
    assert.throws(
      () => readBottleneckAdapter(old, gpt2),
      (error: unknown) => error instanceof ProblemError && /use_safetensors=True/.test(error.problem.hint ?? ''),
    );
  });

  it('are refused under a config that would make another function of them', () => {
    const adapter = readBottleneckAdapter(written(method({ train_layer_norms: true })).files, gpt2);
    for (const [keys, message] of [
      [{ placement: 'pfeiffer' }, /placement houlsby/],
      [{ non_linearity: 'relu' }, /non-linearity swish/],
      [{ leave_out: [0] }, /leaves out blocks \[\]/],
      [{ bottleneck_size: 4 }, /bottleneck of 3/],
      [{ train_layer_norms: false }, /together with the norms/],
    ] as const) {
      const config = method({ train_layer_norms: true, ...keys });
      assert.throws(() => checkContinuesAdapter(adapter, config, adapterPlaces(config, gpt2)), message);
    }
  });

  it('fail with a problem, whatever is in them', () => {
    const { files } = written(method());
    const weights = files['adapter.safetensors'];
    fc.assert(
      fc.property(fc.nat(weights.length - 1), fc.nat(255), fc.json(), (at, byte, json) => {
        const damaged = new Uint8Array(weights);
        damaged[at] = byte;
        for (const set of [
          { ...files, 'adapter.safetensors': damaged },
          { ...files, 'adapter_config.json': new TextEncoder().encode(json) },
        ])
          try {
            readBottleneckAdapter(set, gpt2);
          } catch (error) {
            assert.ok(error instanceof ProblemError, String(error));
          }
      }),
      { numRuns: 300 },
    );
  });
});
