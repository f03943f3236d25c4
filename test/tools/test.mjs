/**
 * `npm test` and its parts: `node test/tools/test.mjs [unit] [engine] [e2e] [parity] [--grep TEXT]`.
 *
 * Installs what is missing, builds, runs each part in its own process with a time limit, and ends with a table and the
 * line `N passed, N failed`.
 */
import { must, run } from './process.mjs';
import { ensurePackages } from './setup.mjs';

await ensurePackages();
const { mocha, summary } = await import('./mocha.mjs');

const grepAt = process.argv.indexOf('--grep');
const grep = grepAt > 0 ? process.argv[grepAt + 1] : undefined;
const requested = process.argv.slice(2, grepAt > 0 ? grepAt : undefined);

const parts = { unit, engine, e2e, parity };
const names = requested.length > 0 ? requested : Object.keys(parts);

async function unit() {
  await bundle('unit');
  return [await mocha('unit', 'out/unit', { minutes: 8, grep })];
}

/**
 * The engine's tests once per software driver, those of the command line on the first; on a machine without one, on the
 * driver it has.
 */
async function engine() {
  await bundle('engine,headlessTests');
  const { ensureSoftwareDrivers } = await import('./setup.mjs');
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
        await mocha(`engine on ${name} (${names})`, 'out/engine', { env, minutes: 12, timeout: 60_000, grep, names }),
      );
  }
  if (drivers.length === 0) results.push(await mocha('engine on the default adapter', 'out/engine', { grep }));
  console.log('\ncommand line');
  const env = drivers.length > 0 ? envOf(drivers[0]) : {};
  results.push(await mocha('command line', 'out/headless', { env, timeout: 120_000, grep }));
  return results;
}

/** The packaged extension in a real workbench: tests inside the extension host, then tests from outside. */
async function e2e() {
  const { installWorkbench } = await import('../workbench/install.mjs');
  const { ensureChrome } = await import('./setup.mjs');
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
  const { code, output } = await run('node', ['test/parity/parity.mjs', '--ci'], { minutes: 20 });
  const counted = /^(\d+) passed, (\d+) failed$/m.exec(output);
  const passed = Number(counted?.[1] ?? (code === 0 ? 1 : 0));
  const failed = Number(counted?.[2] ?? 0);
  return [{ label: 'parity', passed, failed: code !== 0 && failed === 0 ? 1 : failed, skipped: 0 }];
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

const started = performance.now();
const results = [];
for (const name of names) {
  if (!(name in parts)) throw new Error(`Unknown part "${name}": ${Object.keys(parts).join(', ')}.`);
  console.log(`\n${name}`);
  try {
    results.push(...(await parts[name]()));
  } catch (error) {
    console.log(`${name}: ${error.message}`);
    results.push({ label: name, passed: 0, failed: 1, skipped: 0 });
  }
}
report(results, (performance.now() - started) / 1000);
