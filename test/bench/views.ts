/**
 * `npm run bench:views`: how long the views take over a hundred finished runs of ten thousand steps on this machine's
 * disk. Listing is what the Runs view does when a window opens, opening is what a dashboard waits for: the store reads
 * and folds the run, and the picture crosses to the page as a structured clone.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { childrenOf, groupRuns } from '../../src/explorer/runGroups';
import { nodeFiles } from '../../src/headless/nodeFiles';
import { RunStore } from '../../src/runs/store';
import { writeRuns } from '../app/runFolders';

const count = 100;
const shape = { steps: 10_000, done: 10_000, blocks: 12, evalEvery: 500 };

async function timed<T>(work: () => Promise<T> | T): Promise<{ ms: number; result: T }> {
  const start = performance.now();
  const result = await work();
  return { ms: performance.now() - start, result };
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}

/** A fresh store each time: nothing is remembered from the round before but what the system has cached. */
async function list(folder: string): Promise<RunStore> {
  const store = new RunStore([{ key: folder, files: nodeFiles(folder) }], Date.now);
  await store.refresh();
  const rows = groupRuns(store.runs, store.broken).flatMap(childrenOf).length;
  if (rows !== count) throw new Error(`The tree shows ${rows} runs instead of ${count}.`);
  return store;
}

async function measure(folder: string): Promise<void> {
  const { ms: writing, result: events } = await timed(() => writeRuns(nodeFiles(folder), count, shape));
  console.log(`${count} runs of ${events.toLocaleString('en-US')} events, written in ${Math.round(writing)} ms`);
  const listing: number[] = [];
  for (let round = 0; round < 5; round++) {
    const { ms, result } = await timed(() => list(folder));
    listing.push(ms);
    result.dispose();
  }
  const store = await list(folder);
  const opening: number[] = [];
  for (const { id } of store.runs) {
    const { ms } = await timed(async () => structuredClone(await store.view(id)));
    opening.push(ms);
  }
  store.dispose();
  const say = (what: string, values: readonly number[]): void =>
    console.log(`${what}: median ${quantile(values, 0.5).toFixed(1)} ms, slowest ${Math.max(...values).toFixed(1)} ms`);
  say(`list all ${count} in the Runs view (5 rounds)`, listing);
  say(`open one (each of the ${count})`, opening);
}

const folder = await mkdtemp(join(tmpdir(), 'peft-views-'));
try {
  await measure(folder);
} finally {
  await rm(folder, { recursive: true, force: true });
}
