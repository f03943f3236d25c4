/** The Python environments of parity: which reference libraries each has, and how it is made on first use. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { must, root, run } from '../tools/process.mjs';

export const here = join(root, 'test/parity');
export const cache = join(root, '.cache/parity');

/** The methods whose reference is the `adapters` library, which needs an older transformers. */
const inAdapters = ['bottleneck'];

/**
 * @typedef {{ venv: string, requirements: string, given: string | undefined, methods: string[] }} Environment
 * `methods` are files of `methods/` whose reference the environment has; `given` is an interpreter that has it already.
 */

/** @returns {Environment[]} */
export function environments() {
  const files = readdirSync(join(here, 'methods'));
  const all = files.filter(file => /^[a-z]\w*\.py$/.test(file)).map(file => file.slice(0, -3));
  const { PARITY_PYTHON, PARITY_ADAPTERS_PYTHON } = process.env;
  const peft = all.filter(name => !inAdapters.includes(name));
  return [
    { venv: 'venv', requirements: 'requirements.txt', given: PARITY_PYTHON, methods: peft },
    {
      venv: 'venv-adapters',
      requirements: 'requirements-adapters.txt',
      given: PARITY_ADAPTERS_PYTHON,
      methods: inAdapters,
    },
  ];
}

/**
 * The interpreter of a virtual environment with the pinned packages, made on first use.
 * @param {Environment} environment
 * @returns {Promise<string>}
 */
export async function python({ given, venv, requirements }) {
  if (given) return given;
  const folder = join(cache, venv);
  const program = join(folder, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');
  const file = join(here, requirements);
  const stamp = join(folder, 'requirements.sha256');
  const wanted = createHash('sha256').update(readFileSync(file)).digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return program;
  console.log(`parity: installing ${requirements} into .cache/parity/${venv}`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(cache, { recursive: true });
  await makeVenv(folder);
  // Most modules are never imported, so they are compiled at their first import; see `pythonEnvironment`.
  const flags = ['-qq', '--no-compile', '--disable-pip-version-check'];
  await must(program, ['-m', 'pip', 'install', ...flags, '-r', file], { minutes: 20 });
  writeFileSync(stamp, wanted);
  return program;
}

async function makeVenv(folder) {
  const made = await run('python3', ['-m', 'venv', folder], { quiet: true });
  if (made.code === 0) return;
  console.log('parity: installing python3-venv from Debian');
  await must('apt-get', ['install', '-y', '-qq', 'python3', 'python3-venv'], { quiet: true });
  await must('python3', ['-m', 'venv', folder]);
}

/**
 * Environment variables of a reference process: no network, compiled modules kept in the cache and not in the tree.
 * @param {Environment} environment
 */
export function pythonEnvironment({ methods, venv }) {
  const { PYTHONDONTWRITEBYTECODE: _, ...inherited } = process.env;
  return {
    ...inherited,
    HF_HUB_OFFLINE: '1',
    HF_HUB_DISABLE_PROGRESS_BARS: '1',
    PARITY_METHODS: methods.join(),
    PYTHONPYCACHEPREFIX: join(cache, 'pycache', venv),
    PYTHONWARNINGS: 'ignore',
    TOKENIZERS_PARALLELISM: 'false',
  };
}
