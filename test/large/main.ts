/**
 * A model of 1.5 GB trains and writes text where neither the GPU nor the host may hold it; see `npm run large`. Everything
 * is on a software adapter, whose memory lies in the process, so the bound on the process is both budgets together.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateLarge, onDevice, trainLarge } from './measure';
import { writeLargeModel } from './model';

const mebibyte = 2 ** 20;
const budgetMib = 600;
const hostMib = 1024;
const steps = 5;

const folder = mkdtempSync(join(process.argv[2] ?? tmpdir(), 'peft-large-'));
const mib = (bytes: number) => `${(bytes / mebibyte).toFixed(0)} MiB`;
const say = (text: string) => process.stdout.write(`${text}\n`);
try {
  const shape = { layers: 24, hidden: 1536, intermediate: 4096, heads: 12, vocabulary: 32000, shards: 2 };
  const model = writeLargeModel(join(folder, 'model'), shape);
  say(`model: ${mib(model.bytes)} in ${shape.shards} files, block ${mib(model.block)}, table ${mib(model.table)}`);
  assert.ok(model.bytes >= 1.5e9);
  const trained = trainLarge(folder, { steps, budgetMib });
  const device = onDevice(trained.measured);
  say(`train: ${trained.seconds.toFixed(0)} s, ${mib(trained.peak)} resident, of which GPU ${mib(device)}`);
  say(`losses: ${trained.losses.map(loss => loss.toFixed(4)).join(' ')}`);
  assert.equal(trained.losses.length, steps);
  assert.ok(trained.losses.every(loss => loss < 20));
  assert.deepEqual(trained.measured, trained.forecast);
  assert.ok(device <= budgetMib * mebibyte);
  assert.ok(trained.peak <= (budgetMib + hostMib) * mebibyte);
  // Stricter than the budgets: what is resident beside the GPU's part does not come near the model.
  assert.ok(trained.peak - device < model.bytes / 2);
  const text = generateLarge(folder, 3);
  say(`generate: ${text.seconds.toFixed(0)} s for ${text.tokens} tokens, ${mib(text.peak)} resident`);
  assert.ok(text.tokens > 0);
  assert.ok(text.peak <= (budgetMib + hostMib) * mebibyte);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
