/**
 * The lecture, run: `node out/lecture.mjs [--only TEXT] [--out FOLDER] [--again]`. Trains every config of the lecture and
 * its variants, writes their numbers to `docs/lecture-results.json`, and says of each claim whether it holds. A run that
 * lies finished in FOLDER with the same config is not made again.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { nodeGpu } from '../../src/headless/gpu';
import { openDevice, type OpenDevice } from '../../webview/engine/runtime/device';
import { unattended } from '../headless/unattended';
import { eventsOf, type RunOnDisk } from '../workbench/runs';
import { readIdeas, runsOf, type LectureRun } from './ideas';
import { measuresOf } from './measures';
import { configHash, resultsFile, staleRuns, verdicts, type Results } from './results';
import { finishedRun, trainRun, type TrainOptions } from './train';

const root = resolve(import.meta.dirname, '..');
const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    out: { type: 'string', default: 'out/lecture' },
    again: { type: 'boolean', default: false },
  },
});

let opened: Promise<OpenDevice> | undefined;
// One device for all runs, so that kernels are compiled once.
const ports = { ...unattended(() => (opened ??= openDevice(nodeGpu()))), version: 'lecture' };
const options: TrainOptions = { root, workspace: resolve(values.out), ports };

async function one(run: LectureRun): Promise<RunOnDisk> {
  const before = values.again ? undefined : finishedRun(run, options);
  const done = before ?? (await trainRun(run, {}, options));
  const { evalFirst, evalLast, peak, forecastError } = measuresOf(done.events);
  const loss = `${evalFirst?.toFixed(3)} → ${evalLast?.toFixed(3)}`;
  const memory = `${(peak / 2 ** 20).toFixed(2)} MiB, ${forecastError} bytes off the forecast`;
  console.log(`${run.name}: ${loss}, ${memory}${before ? ' (kept)' : ''}`);
  return done;
}

/** The kept numbers of runs that still exist, and the new ones. */
function merged(names: ReadonlySet<string>, fresh: Results): Results {
  const file = join(root, resultsFile);
  const kept = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Results).runs : {};
  const all = { ...kept, ...fresh.runs };
  const entries = [...names].filter(name => name in all).map(name => [name, all[name]] as const);
  return { adapter: fresh.adapter, runs: Object.fromEntries(entries) };
}

async function main(): Promise<number> {
  const ideas = readIdeas(root);
  const runs = ideas.flatMap(runsOf);
  const fresh: Record<string, Results['runs'][string]> = {};
  let adapter = '';
  for (const run of runs.filter(({ name }) => name.includes(values.only))) {
    const done = await one(run);
    const { description, vendor } = eventsOf(done, 'started')[0].adapter;
    adapter = description || vendor;
    fresh[run.name] = { config: configHash(root, run), measures: measuresOf(done.events) };
  }
  const results = merged(new Set(runs.map(({ name }) => name)), { adapter, runs: fresh });
  writeFileSync(join(root, resultsFile), `${JSON.stringify(results, undefined, 2)}\n`);
  const missing = staleRuns(root, ideas, results);
  if (missing.length > 0) {
    console.log(`Claims are judged once all runs are there; missing: ${missing.join(', ')}`);
    return values.only === '' ? 1 : 0;
  }
  const judged = verdicts(ideas, results);
  for (const { idea, says, held } of judged) console.log(`${held ? 'holds' : 'FAILS'}  ${idea}: ${says}`);
  const failed = judged.filter(({ held }) => !held).length;
  console.log(`${judged.length - failed} passed, ${failed} failed`);
  return failed > 0 ? 1 : 0;
}

main().then(
  code => process.exit(code),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
