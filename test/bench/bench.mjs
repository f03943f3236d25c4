/**
 * `npm run bench [-- --rounds N] [--check]`: our engine beside jax-js, TensorFlow.js and nanogpt in one Chromium on one
 * adapter. Prints a table of ratios, writes `bench-out/bench.json`. Engines take turns within a round and the best of
 * all rounds counts, so that other work on the machine hits all of them alike. With `--check` a bar that does not hold
 * is an error.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../tools/process.mjs';
import { measure } from './measure.mjs';
import { openBench } from './browser.mjs';
import { ensurePeers } from './peers.mjs';
import { barsOf, table } from './report.mjs';

const roundsAt = process.argv.indexOf('--rounds');
const rounds = roundsAt > 0 ? Number(process.argv[roundsAt + 1]) : 7;

await ensurePeers();
const chromium = await openBench();
try {
  const results = await measure(chromium, rounds);
  const bars = barsOf(results);
  mkdirSync(join(root, 'bench-out'), { recursive: true });
  writeFileSync(join(root, 'bench-out/bench.json'), `${JSON.stringify({ ...results, bars }, null, 2)}\n`);
  console.log(`\n${table(results, bars)}\n\nbench: written to bench-out/bench.json`);
  if (process.argv.includes('--check') && bars.some(bar => !bar.held)) process.exitCode = 1;
} finally {
  await chromium.close();
}
