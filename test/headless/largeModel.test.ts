/** A model that memory could hold trains as one that it could not: what is resident does not grow with the number of blocks. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateLarge, onDevice, trainLarge } from '../large/measure';
import { writeLargeModel } from '../large/model';

const budgetMib = 80;

describe('a model read block by block', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'peft-large-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  /** Trains a model with as many blocks for a step. */
  function trained(layers: number, shards: number) {
    const shape = { layers, hidden: 768, intermediate: 2048, heads: 12, vocabulary: 8000, shards };
    const { bytes } = writeLargeModel(join(folder, 'model'), shape);
    const run = trainLarge(folder, { steps: 1, budgetMib });
    assert.equal(run.losses.length, 1);
    assert.deepEqual(run.measured, run.forecast);
    return { bytes, device: onDevice(run.measured), peak: run.peak };
  }

  it('takes as much memory with sixteen blocks as with four, in one file or several', () => {
    const few = trained(4, 1);
    rmSync(join(folder, 'model'), { recursive: true });
    const many = trained(16, 3);
    const text = generateLarge(folder, 3);
    assert.ok(text.tokens > 0);
    const more = many.bytes - few.bytes;
    assert.ok(more > 2 * budgetMib * 1e6);
    assert.ok(many.device <= budgetMib * 2 ** 20, `${many.device}`);
    for (const peak of [many.peak, text.peak])
      assert.ok(peak - few.peak < more / 2, `${peak} after ${few.peak} for ${more} more`);
  }).timeout(600_000);
});
