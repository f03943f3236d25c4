import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toProblem } from '../../../src/common/errors';
import type { ByteSource } from '../../../src/common/protocol';
import { weightFile } from '../../../src/headless/weightFile';
import { withReadableWeights, type ReadBlob } from '../../../webview/worker/weightFiles';

function problemOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    const { code, message } = toProblem(error);
    return `${code}: ${message}`;
  }
  return 'none';
}

describe('a weight file on disk', () => {
  let folder: string;
  let path: string;
  let file: ByteSource;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'peft-weights-'));
    path = join(folder, 'model.safetensors');
    writeFileSync(
      path,
      Uint8Array.from({ length: 100 }, (_, index) => index),
    );
    file = weightFile(path, 'model.safetensors');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('gives any of its bytes', () => {
    assert.equal(file.size, 100);
    assert.deepEqual([...file.slice(97, 100)], [97, 98, 99]);
    assert.deepEqual([...file.slice(0, 1)], [0]);
    assert.equal(file.slice(50, 50).length, 0);
  });

  it('is noticed to have changed, or to be gone', () => {
    truncateSync(path, 60);
    assert.equal(
      problemOf(() => file.slice(0, 10)),
      'file.changed: model.safetensors has changed while it was being read.',
    );
    rmSync(path);
    const gone = 'file.missing: model.safetensors does not exist.';
    assert.equal(
      problemOf(() => file.slice(0, 10)),
      gone,
    );
    assert.equal(
      problemOf(() => weightFile(path, 'model.safetensors')),
      gone,
    );
  });
});

describe('a weight file that came as a blob', () => {
  const blob = new Blob([new Uint8Array(10)]);
  const opened = (read: ReadBlob): ByteSource => {
    const model = { label: 'm', config: '', tokenizer: '', weights: [{ name: 'a', blob }] };
    const [file] = withReadableWeights(model, read).weights;
    assert.ok('source' in file);
    return file.source;
  };

  it('is read in pieces, and nothing before', () => {
    const asked: unknown[] = [];
    const source = opened((one, begin, end) => {
      asked.push([one, begin, end]);
      return new Uint8Array(end - begin).fill(begin);
    });
    assert.equal(source.size, 10);
    assert.deepEqual(asked, []);
    assert.deepEqual([...source.slice(4, 6)], [4, 4]);
    assert.deepEqual(asked, [[blob, 4, 6]]);
  });

  it('says what is wrong when it cannot be read, or not to its end', () => {
    const failing = opened(() => {
      throw new Error('the disk is gone');
    });
    assert.equal(
      problemOf(() => failing.slice(0, 8)),
      'model.unreadable: a could not be read: the disk is gone.',
    );
    const short = opened(() => new Uint8Array(3));
    assert.equal(
      problemOf(() => short.slice(2, 8)),
      'model.unreadable: a could not be read: it ends at byte 5.',
    );
  });
});
