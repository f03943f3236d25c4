/**
 * `npm run parity [-- --method full|lora|…] [--grep NAME] [--ci]`: trains small configs on our engine and on PyTorch + PEFT
 * from identical weights, initial adapter and batches, and prints the largest relative differences per config.
 * Makes its own Python environment in `.cache/parity` (PyTorch, transformers, PEFT, pinned in requirements.txt);
 * `PARITY_PYTHON` names another interpreter that already has them.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../tools/process.mjs';
import { ensurePackages, ensureSoftwareDrivers } from '../tools/setup.mjs';

const here = join(root, 'test/parity');
const cache = join(root, '.cache/parity');
const work = join(cache, 'cases');
const ci = process.argv.includes('--ci');

function option(name) {
  const at = process.argv.indexOf(name);
  return at < 0 ? undefined : process.argv[at + 1];
}

function must(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], ...options });
  if (result.status !== 0) throw new Error(`${command} ${args.slice(0, 3).join(' ')} … failed.`);
}

/** The interpreter of a virtual environment with the pinned packages, made on first use. */
function python() {
  if (process.env.PARITY_PYTHON) return process.env.PARITY_PYTHON;
  const venv = join(cache, 'venv');
  const program = join(venv, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');
  const requirements = join(here, 'requirements.txt');
  const stamp = join(venv, 'requirements.sha256');
  const wanted = createHash('sha256').update(readFileSync(requirements)).digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return program;
  console.log('parity: installing PyTorch (CPU), transformers and PEFT into .cache/parity/venv');
  rmSync(venv, { recursive: true, force: true });
  mkdirSync(cache, { recursive: true });
  const made = spawnSync('python3', ['-m', 'venv', venv], { stdio: 'inherit' });
  if (made.status !== 0) {
    console.log('parity: installing python3-venv from Debian');
    must('apt-get', ['install', '-y', '-qq', 'python3', 'python3-venv'], { stdio: 'ignore' });
    must('python3', ['-m', 'venv', venv]);
  }
  must(program, ['-m', 'pip', 'install', '-qq', '--disable-pip-version-check', '-r', requirements]);
  writeFileSync(stamp, wanted);
  return program;
}

function runPython(program, args) {
  const env = {
    ...process.env,
    HF_HUB_OFFLINE: '1',
    TOKENIZERS_PARALLELISM: 'false',
    PYTHONDONTWRITEBYTECODE: '1',
    PYTHONWARNINGS: 'ignore',
    HF_HUB_DISABLE_PROGRESS_BARS: '1',
  };
  const stdio = ['ignore', 'pipe', 'inherit'];
  const result = spawnSync(program, [join(here, 'reference.py'), ...args], { stdio, encoding: 'utf8', env });
  if (result.status !== 0) throw new Error(`The reference failed (${args[0]}).`);
  return result.stdout.trim().split('\n');
}

function printReport(report) {
  const percent = value => value.toExponential(1).padStart(8);
  const { name, loss, gradNorm, gradient, tensor, logits, firstLoss, lastLoss } = report;
  const numbers = [loss, gradNorm, gradient, tensor, logits].map(percent).join(' ');
  const fall = `${firstLoss.toFixed(3)} → ${lastLoss.toFixed(3)}`;
  console.log(`${report.passed ? '✔' : '✘'} ${name.padEnd(28)} ${numbers}   ${fall}`);
  if (report.facts) console.log(`  ${report.facts}`);
  if (!report.passed) console.log(`  gradient at ${report.gradientAt}, tensor at ${report.tensorAt}`);
}

await ensurePackages();
const [driver] = await ensureSoftwareDrivers();
const filter = [option('--method'), option('--grep')].filter(Boolean).slice(-1);
const interpreter = python();
rmSync(work, { recursive: true, force: true });
const names = JSON.parse(runPython(interpreter, ['prepare', work, ...filter]).at(-1));
if (names.length === 0) throw new Error(`No case is called like "${filter[0]}".`);
must('node', ['esbuild.mjs', '--only', 'parity'], { stdio: ci ? 'ignore' : 'inherit' });
const gpu = driver && !existsSync('/dev/dri') ? { VK_DRIVER_FILES: driver.icd, VK_ICD_FILENAMES: driver.icd } : {};
console.log(`parity: ${names.length} cases on ${driver?.name ?? 'this GPU'}`);
must('node', [join(root, 'out/parity/ours.mjs'), ...names.map(name => join(work, name))], {
  env: { ...process.env, ...gpu },
});
console.log(`  ${'largest relative difference'.padEnd(28)}     loss gradNorm gradient   tensor   logits`);
const reports = runPython(interpreter, ['compare', work, ...names]).map(line => JSON.parse(line));
reports.forEach(printReport);
const passed = reports.filter(report => report.passed).length;
console.log(`${passed} passed, ${reports.length - passed} failed`);
process.exitCode = passed === reports.length ? 0 : 1;
