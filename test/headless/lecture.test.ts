/** Every config of the lecture, for a few steps on a few rows: it finishes, and the forecast is what was measured. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { testDevice } from '../engine/harness';
import { configFile, configOf, readIdeas, runsOf } from '../lecture/ideas';
import { measuresOf } from '../lecture/measures';
import { finishedRun, trainRun } from '../lecture/train';
import { unattended } from './unattended';

const root = process.cwd();
const steps = 4;
const rows = 2;

/** The first rows of a file of the lecture, in a file of its own. */
function firstRows(folder: string, path: string): string {
  const lines = readFileSync(join(dirname(configFile(root, '')), path), 'utf8').split('\n');
  const file = join(folder, `${rows}.jsonl`);
  writeFileSync(file, `${lines.slice(0, rows).join('\n')}\n`);
  return file;
}

describe('the lecture', () => {
  const workspace = mkdtempSync(join(tmpdir(), 'peft-lecture-'));
  after(() => rmSync(workspace, { recursive: true }));
  const ports = unattended(testDevice);

  for (const idea of readIdeas(root)) {
    it(`${idea.config} runs a few steps and takes the memory of its forecast`, async () => {
      const [run] = runsOf(idea);
      const { data, method, training } = configOf(root, run);
      const trains = method.type !== 'few-shot';
      const keys = {
        'data.eval': firstRows(workspace, data.eval ?? ''),
        'data.max_length': trains ? 64 : 128,
        'training.max_steps': steps,
        'training.per_device_train_batch_size': 1,
        'training.gradient_accumulation_steps': Math.min(2, training.gradient_accumulation_steps),
        ...(trains ? { 'training.eval_steps': steps } : {}),
        'samples.max_new_tokens': 3,
        ...idea.quick,
      };
      const { events } = await trainRun(run, keys, { root, workspace, ports });
      const measures = measuresOf(events);
      assert.equal(measures.steps, trains ? steps : 0);
      assert.equal(measures.forecastError, 0);
      assert.ok(measures.peak > 0);
      assert.ok(Number.isFinite(measures.evalLast));
      const again = { ...run, set: { ...run.set, ...keys } };
      assert.ok(finishedRun(again, { root, workspace, ports }), 'the run is not found again');
      assert.equal(finishedRun(run, { root, workspace, ports }), undefined);
    });
  }
});
