/**
 * `npm run parity [-- --method full|lora|…] [--grep NAME] [--ci] [--install]`: trains small configs on our engine and on
 * PyTorch + PEFT from identical weights, initial adapter and batches, and prints the largest relative differences per config.
 * Makes its own Python environments in `.cache/parity`, with versions pinned in requirements*.txt: one with PEFT, one with
 * the `adapters` library, which needs an older transformers. `--install` does only that. `PARITY_PYTHON` and
 * `PARITY_ADAPTERS_PYTHON` name interpreters that already have them.
 *
 * The references work while our engine trains the next case: both sides keep to about one core.
 */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { must, root } from '../tools/process.mjs';
import { ensurePackages, ensureSoftwareDrivers } from '../tools/setup.mjs';
import { cache, environments, here, python } from './environments.mjs';
import { startReference } from './reference.mjs';

const work = join(cache, 'cases');

function option(name) {
  const at = process.argv.indexOf(name);
  return at < 0 ? undefined : process.argv[at + 1];
}

/** Whether a method's file can have a case with such a name: saves making an environment that is not needed. */
function mayHold(method, [name]) {
  return name === undefined || readFileSync(join(here, 'methods', `${method}.py`), 'utf8').includes(name);
}

/** Trains cases on our engine, one after the other on one device; tells each as its files are there, or why not. */
async function trainOurs(names, env, onDone) {
  const folders = names.map(name => join(work, name));
  const child = spawn('node', [join(root, 'out/parity/ours.mjs'), ...folders], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  });
  const closed = new Promise(resolve => child.once('close', resolve));
  const missing = new Set(names);
  for await (const line of createInterface(child.stdout)) {
    const { name, error } = JSON.parse(line);
    missing.delete(name);
    onDone(name, error);
  }
  const code = await closed;
  for (const name of missing) onDone(name, `Our engine ended with code ${code} before this case was done.`);
}

function printReport(report) {
  if (report.error) return console.log(`✘ ${report.name}\n  ${report.error.trim().replaceAll('\n', '\n  ')}`);
  const number = value => value.toExponential(1).padStart(8);
  const { name, loss, gradNorm, gradient, tensor, logits, firstLoss, lastLoss } = report;
  const numbers = [loss, gradNorm, gradient, tensor, logits].map(number).join(' ');
  const fall = `${firstLoss.toFixed(3)} → ${lastLoss.toFixed(3)}`;
  console.log(`${report.passed ? '✔' : '✘'} ${name.padEnd(28)} ${numbers}   ${fall}`);
  if (report.facts) console.log(`  ${report.facts}`);
  if (!report.passed) console.log(`  gradient at ${report.gradientAt}, tensor at ${report.tensorAt}`);
}

/** Lavapipe where it is installed: it runs these programs in half the time of SwiftShader. */
async function chooseDriver() {
  const drivers = await ensureSoftwareDrivers();
  return drivers.find(driver => driver.name === 'lavapipe') ?? drivers[0];
}

async function compareAll() {
  const driver = await chooseDriver();
  const filter = [option('--method'), option('--grep')].filter(Boolean).slice(-1);
  const chosen = environments().filter(({ methods }) => methods.some(name => mayHold(name, filter)));
  rmSync(work, { recursive: true, force: true });
  const reports = [];
  const take = report => {
    reports.push(report);
    printReport(report);
  };
  const bundled = must('node', ['esbuild.mjs', '--only', 'parity'], { quiet: process.argv.includes('--ci') });
  const references = await Promise.all(chosen.map(environment => startReference(environment, work, filter, take)));
  await bundled;
  const names = references.flatMap(reference => reference.names);
  if (names.length === 0) throw new Error(`No case is called like "${filter[0]}".`);
  const gpu = driver && !existsSync('/dev/dri') ? { VK_DRIVER_FILES: driver.icd, VK_ICD_FILENAMES: driver.icd } : {};
  console.log(`parity: ${names.length} cases on ${driver?.name ?? 'this GPU'}`);
  console.log(`  ${'largest relative difference'.padEnd(28)}     loss gradNorm gradient   tensor   logits`);
  await trainOurs(names, gpu, (name, error) => {
    if (error) take({ name, passed: false, error });
    else references.find(reference => reference.names.includes(name)).compare(name);
  });
  await Promise.all(references.map(reference => reference.end()));
  return reports;
}

await ensurePackages();
if (process.argv.includes('--install')) {
  for (const environment of environments()) await python(environment);
} else {
  const reports = await compareAll();
  const passed = reports.filter(report => report.passed).length;
  console.log(`${passed} passed, ${reports.length - passed} failed`);
  process.exitCode = passed === reports.length ? 0 : 1;
}
