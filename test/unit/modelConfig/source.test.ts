import assert from 'node:assert/strict';
import { ProblemError } from '../../../src/common/errors';
import type { ByteSource } from '../../../src/common/protocol';
import { inMemory } from '../../../webview/engine/formats/byteSource';
import { packF16 } from '../../../webview/engine/formats/half';
import { writeSafetensors, type TensorData } from '../../../webview/engine/formats/safetensors';
import { tensorCatalog } from '../../../webview/engine/model/catalog';
import { parseModelConfig } from '../../../webview/engine/model/config';
import { openTensors } from '../../../webview/engine/model/source';
import reference from '../../reference/models.json';

const config = parseModelConfig(reference.models.gpt2.config, 'config.json');
const catalog = tensorCatalog(config);

/** Element `index` of a weight in these tests: exact in F16. */
const valueAt = (index: number) => (index % 64) / 8;

function f32(shape: readonly number[]): TensorData {
  const size = shape.reduce((a, b) => a * b, 1);
  const values = Float32Array.from({ length: size }, (_, index) => valueAt(index));
  return { dtype: 'F32', shape, bytes: new Uint8Array(values.buffer) };
}

/** The whole model, with names changed by `rename` and tensors by `edit`. */
function file(rename = (name: string) => name, edit: Readonly<Record<string, TensorData | undefined>> = {}) {
  const all = new Map(catalog.map(({ name, shape }): [string, TensorData] => [rename(name), f32(shape)]));
  for (const [name, tensor] of Object.entries(edit)) {
    if (tensor) all.set(name, tensor);
    else all.delete(name);
  }
  return { name: 'model.safetensors', source: inMemory(writeSafetensors(all)) };
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

describe('the weights of a model', () => {
  const wpe = 'transformer.wpe.weight';

  it('are found with and without the outer prefix, extra tensors ignored', () => {
    const bare = file(name => name.replace('transformer.', ''), {
      'h.0.attn.bias': f32([1, 1, 4, 4]),
      extra: f32([1]),
    });
    for (const shard of [file(), bare]) {
      const source = openTensors([shard], config);
      for (const { name, shape } of catalog) {
        const values = source.read(name);
        assert.equal(
          values.length,
          shape.reduce((a, b) => a * b, 1),
        );
        assert.ok(values.every((value, index) => value === valueAt(index)));
        assert.equal(source.dtype(name), 'F32');
      }
    }
  });

  it('may be stored as F16', () => {
    const shape = [12, 16];
    const half = packF16(Float32Array.from({ length: 192 }, (_, index) => valueAt(index)));
    const shard = file(undefined, { [wpe]: { dtype: 'F16', shape, bytes: new Uint8Array(half.buffer) } });
    const source = openTensors([shard], config);
    assert.equal(source.dtype(wpe), 'F16');
    assert.ok(source.read(wpe).every((value, index) => value === valueAt(index)));
  });

  it('are read by rows, of which only the bytes are fetched', () => {
    const asked: number[] = [];
    const whole = file();
    const source: ByteSource = {
      size: whole.source.size,
      slice: (begin, end) => {
        asked.push(end - begin);
        return whole.source.slice(begin, end);
      },
    };
    const weights = openTensors([{ name: whole.name, source }], config);
    asked.length = 0;
    const all = openTensors([whole], config).read(wpe);
    assert.deepEqual(weights.read(wpe, { first: 3, count: 5 }), all.slice(3 * 16, 8 * 16));
    assert.deepEqual(asked, [5 * 16 * 4]);
    const norm = 'transformer.ln_f.weight';
    assert.deepEqual([...weights.read(norm, { first: 2, count: 3 })], [2, 3, 4].map(valueAt));
    assert.deepEqual(weights.read(wpe, { first: 12, count: 0 }), new Float32Array());
    assert.match(
      message(() => weights.read(wpe, { first: 8, count: 5 })),
      /^model\.rows: transformer\.wpe\.weight has 12 rows, not 13/,
    );
  });

  it('may be spread over shards, with an index that names them', () => {
    const parts = [0, 1].map(part => {
      const own = catalog.filter((_, index) => index % 2 === part);
      const tensors = new Map(own.map(({ name, shape }): [string, TensorData] => [name, f32(shape)]));
      return { name: `model-${part + 1}.safetensors`, source: inMemory(writeSafetensors(tensors)) };
    });
    const weightMap = Object.fromEntries(catalog.map(({ name }, index) => [name, parts[index % 2].name]));
    const index = JSON.stringify({ metadata: {}, weight_map: weightMap });
    assert.equal(openTensors(parts, config, index).read(wpe).length, 192);
    assert.match(
      message(() => openTensors([parts[0]], config, index)),
      /^model\.shard: .* names model-2\.safetensors, which is not there/,
    );
    assert.match(
      message(() => openTensors([parts[0]], config)),
      /^model\.missing: The weight transformer\.wpe\.weight \[12, 16\] is missing from model-1\.safetensors/,
    );
    assert.match(
      message(() => openTensors([...parts, { ...parts[0], name: 'copy' }], config)),
      /^model\.repeated: .* is in model-1\.safetensors and in copy/,
    );
    assert.match(
      message(() => openTensors(parts, config, '{"weight_map": {"a": 1}}')),
      /^model\.index: .*weight_map\.a must be a file name/,
    );
  });

  it('must have the shapes of the config', () => {
    assert.equal(
      message(() => openTensors([file(undefined, { [wpe]: f32([16, 12]) })], config)),
      `model.shape: model.safetensors: ${wpe} has the shape [16, 12]; config.json asks for [12, 16].`,
    );
  });

  it('must be floats', () => {
    const ints: TensorData = { ...f32([12, 16]), dtype: 'I32' };
    assert.match(
      message(() => openTensors([file(undefined, { [wpe]: ints })], config)),
      /^weights\.dtype: model\.safetensors: transformer\.wpe\.weight is stored as I32/,
    );
  });

  it('must be finite', () => {
    for (const bad of [NaN, Infinity, -Infinity]) {
      const tensor = f32([12, 16]);
      new DataView(tensor.bytes.buffer).setFloat32(4 * 17, bad, true);
      const source = openTensors([file(undefined, { [wpe]: tensor })], config);
      assert.equal(
        message(() => source.read(wpe)),
        `model.nonfinite: model.safetensors: ${wpe} contains ${bad} at element 17.`,
      );
      assert.equal(
        message(() => source.read(wpe, { first: 1, count: 2 })),
        `model.nonfinite: model.safetensors: ${wpe} contains ${bad} at element 17.`,
      );
      assert.equal(source.read(wpe, { first: 2, count: 10 }).length, 160);
    }
  });

  it('must be there at all', () => {
    assert.match(
      message(() => openTensors([], config)),
      /is missing from the model \(no weight files\)/,
    );
    assert.match(
      message(() => openTensors([file()], config).read('nope')),
      /^model\.tensor: The model has no weight nope/,
    );
  });
});
