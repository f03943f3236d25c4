/**
 * `npm test` and its parts: `node test/tools/test.mjs [unit] [engine] [e2e] [parity] [--grep TEXT] [--results FILE]`.
 *
 * Installs what is missing, builds, runs each part in its own process with a time limit, and ends with a table and the
 * line `N passed, N failed`. Parts that only compute run beside those that drive a browser, at low priority. With
 * `--results` the counts go to a file as JSON in place of the table.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { split, startBeside } from './lane.mjs';
import { endWithSignals, must, run } from './process.mjs';
import { ensureChrome, ensurePackages, ensureSoftwareDrivers } from './setup.mjs';

endWithSignals();
await ensurePackages();
const { mocha, summary } = await import('./mocha.mjs');
const { installWorkbench } = await import('../workbench/install.mjs');

const options = { grep: { type: 'string' }, results: { type: 'string' } };
const { values, positionals: requested } = parseArgs({ options, allowPositionals: true });
const { grep } = values;

const parts = { unit, engine, e2e, parity };
const names = requested.length > 0 ? requested : Object.keys(parts);
for (const name of names)
  if (!(name in parts)) throw new Error(`Unknown part "${name}": ${Object.keys(parts).join(', ')}.`);

async function unit() {
  await bundle('unit');
  return [await mocha('unit', 'out/unit', { minutes: 8, grep })];
}

/**
 * The engine's tests (every kernel, training, generation) once per software driver; whole runs of each method, what moves
 * between device, host and disk, and the command line on the first: they hold on any driver that computes as the others
 * do. On a machine without one, on the driver it has.
 */
async function engine() {
  await bundle('engine,runs,memory,headless,headlessTests');
  const drivers = await ensureSoftwareDrivers();
  const results = [];
  const envOf = ({ name, icd }) => ({ VK_DRIVER_FILES: icd, VK_ICD_FILENAMES: icd, PEFT_TEST_ADAPTER: name });
  for (const driver of drivers) {
    const { name, icd } = driver;
    console.log(`\nengine on ${name} (${icd})`);
    const env = envOf(driver);
    // A software driver never gives back the code of a pipeline, and one process holds only so much of it.
    for (const names of grep ? ['*'] : ['[a-f]*', '[g-o]*', '[p-z]*'])
      results.push(
        await mocha(`engine on ${name} (${names})`, 'out/engine', { env, minutes: 20, timeout: 60_000, grep, names }),
      );
  }
  if (drivers.length === 0) results.push(await mocha('engine on the default adapter', 'out/engine', { grep }));
  const env = drivers.length > 0 ? envOf(drivers[0]) : {};
  for (const part of ['runs', 'memory']) {
    console.log(`\n${part}`);
    results.push(await mocha(part, `out/${part}`, { env, minutes: 20, timeout: 300_000, grep }));
  }
  console.log('\ncommand line');
  results.push(await mocha('command line', 'out/headless', { env, timeout: 120_000, grep }));
  return results;
}

/** The packaged extension in a real workbench: tests inside the extension host, then tests from outside. */
async function e2e() {
  await installing.e2e;
  await installWorkbench();
  const env = { CHROME: await ensureChrome() };
  await bundle('hostTests,hostExtension,hostRunner,e2e');
  await must('node', ['test/tools/package.mjs', '--for-tests'], { minutes: 5 });
  console.log('\ninside the extension host');
  const host = summary('extension host', await run('node', ['out/tools/host.mjs'], { env, minutes: 10 }));
  return [host, await mocha('end to end', 'out/e2e', { env, minutes: 20, timeout: 600_000, grep })];
}

/** Our engine against PyTorch and PEFT; the script makes its own Python environment. */
async function parity() {
  await installing.parity;
  const { code, output } = await run('node', ['test/parity/parity.mjs', '--ci'], { minutes: 30 });
  const counted = /^(\d+) passed, (\d+) failed$/m.exec(output);
  const passed = Number(counted?.[1] ?? (code === 0 ? 1 : 0));
  const failed = Number(counted?.[2] ?? 0);
  return [{ label: 'parity', passed, failed: code !== 0 && failed === 0 ? 1 : failed, skipped: 0 }];
}

/** Downloads of a later part, while the first runs; the part tries again what failed, and says why. */
const installing = {};
function startInstalling() {
  const { own } = split(names);
  if (own.indexOf('e2e') > 0) installing.e2e = installWorkbench().catch(() => undefined);
  if (own.indexOf('parity') > 0)
    installing.parity = run('node', ['test/parity/parity.mjs', '--install'], { minutes: 30, quiet: true });
}

async function bundle(only) {
  await must('node', ['esbuild.mjs', '--only', only], { minutes: 3 });
}

function report(results, seconds) {
  console.log(`\nSummary after ${Math.round(seconds)} s`);
  for (const { label, passed, failed, skipped } of results) {
    const note = skipped > 0 ? `, ${skipped} skipped` : '';
    console.log(`  ${label}: ${passed} passed, ${failed} failed${note}`);
  }
  if (names.includes('engine') && !results.some(({ label }) => label.includes('lavapipe'))) {
    console.log('  engine on lavapipe: did not run (driver not installed)');
  }
  const sum = key => results.reduce((total, result) => total + result[key], 0);
  console.log(`${sum('passed')} passed, ${sum('failed')} failed`);
  process.exitCode = sum('failed') > 0 || sum('passed') === 0 ? 1 : 0;
}

/** Runs parts one after the other; one that cannot be run counts as one failure. */
async function runParts(chosen) {
  const results = [];
  for (const name of chosen) {
    console.log(`\n${name}`);
    try {
      results.push(...(await parts[name]()));
    } catch (error) {
      console.log(`${name}: ${error.message}`);
      results.push({ label: name, passed: 0, failed: 1, skipped: 0 });
    }
  }
  return results;
}

async function runAll() {
  const { own, beside } = split(names);
  if (beside.length === 0) return runParts(own);
  // Both lanes may need what only one at a time can install.
  await ensureChrome();
  await ensureSoftwareDrivers();
  console.log(`\n${beside.join(' and ')} run beside ${own.join(' and ')}; their output comes after theirs`);
  const lane = startBeside(beside, grep ? ['--grep', grep] : []);
  const results = await runParts(own);
  return [...results, ...(await lane.show())];
}

const started = performance.now();
startInstalling();
const results = await runAll();
if (values.results) writeFileSync(values.results, JSON.stringify(results));
else report(results, (performance.now() - started) / 1000);
