import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ProblemError } from '../../../src/common/errors';
import { readModelFolder, shardNames } from '../../../src/models/modelFolder';
import { contentHash } from '../../../src/runs/hash';
import { inMemory } from '../../../webview/engine/formats/byteSource';
import { MemoryFiles } from './memoryFiles';

const label = './model';
const index = (map: unknown) => JSON.stringify({ metadata: {}, weight_map: map });

function folder(files: Record<string, string>): MemoryFiles {
  const made = new MemoryFiles();
  for (const [name, text] of Object.entries(files)) made.setText(name, text);
  return made;
}

const whole = { 'config.json': '{}', 'tokenizer.json': '{"t":1}', 'model.safetensors': 'weights' };

async function problemOf(files: MemoryFiles): Promise<string> {
  const error: unknown = await readModelFolder(files, { label }).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return error instanceof ProblemError ? `${error.problem.code}: ${error.problem.message}` : String(error);
}

describe('model folder', () => {
  it('gives texts, and weights as bytes where they have no address', async () => {
    const { files } = await readModelFolder(folder({ ...whole, 'chat_template.jinja': '{{ x }}' }), { label });
    assert.deepEqual([files.config, files.tokenizer, files.chatTemplate], ['{}', '{"t":1}', '{{ x }}']);
    assert.equal(files.tokenizerConfig, undefined);
    assert.deepEqual(files.weights, [{ name: 'model.safetensors', bytes: new TextEncoder().encode('weights') }]);
  });

  it('gives the shards of an index in order, each once, by address where there is one', async () => {
    const shards = { 'b.safetensors': 'B', 'a.safetensors': 'A' };
    const map = { x: 'b.safetensors', y: 'a.safetensors', z: 'b.safetensors' };
    const files = folder({ ...whole, ...shards, 'model.safetensors.index.json': index(map) });
    files.content.delete('model.safetensors');
    const weightUri = (name: string) => `https://page/${name}`;
    const { files: model } = await readModelFolder(files, { label, weightUri });
    assert.deepEqual(model.weights, [
      { name: 'a.safetensors', uri: 'https://page/a.safetensors' },
      { name: 'b.safetensors', uri: 'https://page/b.safetensors' },
    ]);
  });

  it('has a fingerprint that changes with any of its content, not with how it is read', async () => {
    const of = async (files: Record<string, string>, weightUri?: (name: string) => string) =>
      (await readModelFolder(folder(files), { label, weightUri })).fingerprint;
    const base = await of(whole);
    assert.match(base, /^sha256:[0-9a-f]{64}$/);
    assert.equal(await of(whole, name => name), base);
    const openWeights = () => inMemory(new Uint8Array());
    assert.equal((await readModelFolder(folder(whole), { label, openWeights })).fingerprint, base);
    for (const name of Object.keys(whole)) assert.notEqual(await of({ ...whole, [name]: 'other' }), base, name);
  });

  it('does not read what is large and can be read later', async () => {
    const files = folder(whole);
    const large = 'model.safetensors';
    files.stat = path => Promise.resolve({ folder: false, size: path === large ? 65 * 2 ** 20 : 7 });
    files.read = path =>
      path === large ? Promise.reject(new Error('It was read.')) : MemoryFiles.prototype.read.call(files, path);
    const source = inMemory(new Uint8Array(8));
    const opened = await readModelFolder(files, { label, openWeights: () => source });
    assert.deepEqual(opened.files.weights, [{ name: 'model.safetensors', source }]);
    const addressed = await readModelFolder(files, { label, weightUri: name => name });
    assert.equal(addressed.fingerprint, opened.fingerprint);
  });

  for (const name of Object.keys(whole)) {
    it(`names ${name} when it is missing`, async () => {
      const files = folder(whole);
      files.content.delete(name);
      assert.equal(await problemOf(files), `model.missingFile: The model ./model has no ${name}.`);
    });
  }

  it('names a shard that is missing', async () => {
    const files = folder({ ...whole, 'model.safetensors.index.json': index({ x: 'gone.safetensors' }) });
    files.content.delete('model.safetensors');
    assert.equal(await problemOf(files), 'model.missingFile: The model ./model has no gone.safetensors.');
  });

  const indexes = [
    '',
    '[]',
    'null',
    '{}',
    index({}),
    index([]),
    index({ x: 1 }),
    index({ x: '../../etc/passwd' }),
    index({ x: '/a' }),
  ];
  for (const text of indexes) {
    it(`refuses the index ${text || '(empty)'}`, () => {
      assert.equal(shardNames(text), undefined);
    });
  }

  it('reads any index without failing', () => {
    fc.assert(
      fc.property(fc.jsonValue(), value => {
        const names = shardNames(JSON.stringify({ weight_map: value })) ?? [];
        return names.every(name => !name.includes('..') && !name.startsWith('/'));
      }),
    );
  });
});

describe('content hash', () => {
  it('is that of SHA-256 over all parts', async () => {
    const parts = ['a', 'bc'].map(text => new TextEncoder().encode(text));
    const abc = 'sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
    assert.equal(await contentHash(parts), abc);
  });
});
