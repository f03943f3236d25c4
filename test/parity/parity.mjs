/**
 * `npm run parity [-- --method full|lora|…] [--grep NAME] [--ci]`: trains small configs on our engine and on PyTorch + PEFT
 * from identical weights, initial adapter and batches, and prints the largest relative differences per config.
 * Makes its own Python environments in `.cache/parity`, with versions pinned in requirements*.txt: one with PEFT, one with
 * the `adapters` library, which needs an older transformers. `PARITY_PYTHON` and `PARITY_ADAPTERS_PYTHON` name interpreters
 * that already have them.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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

/** Which files of `methods/` run in which environment. */
const inAdapters = ['bottleneck'];
const files = readdirSync(join(here, 'methods'));
const all = files.filter(file => /^[a-z]\w*\.py$/.test(file)).map(file => file.slice(0, -3));
const environments = [
  {
    venv: 'venv',
    requirements: 'requirements.txt',
    given: process.env.PARITY_PYTHON,
    methods: all.filter(name => !inAdapters.includes(name)),
  },
  {
    venv: 'venv-adapters',
    requirements: 'requirements-adapters.txt',
    given: process.env.PARITY_ADAPTERS_PYTHON,
    methods: inAdapters,
  },
];

/** The interpreter of a virtual environment with the pinned packages, made on first use. */
function python(environment) {
  if (environment.given) return environment.given;
  const venv = join(cache, environment.venv);
  const program = join(venv, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');
  const requirements = join(here, environment.requirements);
  const stamp = join(venv, 'requirements.sha256');
  const wanted = createHash('sha256').update(readFileSync(requirements)).digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return program;
  console.log(`parity: installing ${environment.requirements} into .cache/parity/${environment.venv}`);
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

function runPython(environment, args) {
  const env = {
    ...process.env,
    HF_HUB_OFFLINE: '1',
    PARITY_METHODS: environment.methods.join(),
    TOKENIZERS_PARALLELISM: 'false',
    PYTHONDONTWRITEBYTECODE: '1',
    PYTHONWARNINGS: 'ignore',
    HF_HUB_DISABLE_PROGRESS_BARS: '1',
  };
  const stdio = ['ignore', 'pipe', 'inherit'];
  const result = spawnSync(python(environment), [join(here, 'reference.py'), ...args], {
    stdio,
    encoding: 'utf8',
    env,
  });
  if (result.status !== 0) throw new Error(`The reference failed (${args[0]}).`);
  return result.stdout.trim().split('\n');
}

/** Whether a method's file can have a case with such a name: saves making an environment that is not needed. */
function mayHold(method, [name]) {
  return name === undefined || readFileSync(join(here, 'methods', `${method}.py`), 'utf8').includes(name);
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
rmSync(work, { recursive: true, force: true });
const chosen = environments.filter(environment => environment.methods.some(name => mayHold(name, filter)));
const prepared = chosen.map(environment => ({
  environment,
  names: JSON.parse(runPython(environment, ['prepare', work, ...filter]).at(-1)),
}));
const names = prepared.flatMap(part => part.names);
if (names.length === 0) throw new Error(`No case is called like "${filter[0]}".`);
must('node', ['esbuild.mjs', '--only', 'parity'], { stdio: ci ? 'ignore' : 'inherit' });
const gpu = driver && !existsSync('/dev/dri') ? { VK_DRIVER_FILES: driver.icd, VK_ICD_FILENAMES: driver.icd } : {};
console.log(`parity: ${names.length} cases on ${driver?.name ?? 'this GPU'}`);
must('node', [join(root, 'out/parity/ours.mjs'), ...names.map(name => join(work, name))], {
  env: { ...process.env, ...gpu },
});
console.log(`  ${'largest relative difference'.padEnd(28)}     loss gradNorm gradient   tensor   logits`);
const reports = prepared
  .filter(part => part.names.length > 0)
  .flatMap(part => runPython(part.environment, ['compare', work, ...part.names]))
  .map(line => JSON.parse(line));
reports.forEach(printReport);
const passed = reports.filter(report => report.passed).length;
console.log(`${passed} passed, ${reports.length - passed} failed`);
process.exitCode = passed === reports.length ? 0 : 1;
