/** Running other programs: always with a time limit, always with what they print in view. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Root of the repository: the nearest folder above this file (or above the bundle it is in) with our package.json. */
export const root = findRoot(dirname(fileURLToPath(import.meta.url)));

/** @param {string} folder */
function findRoot(folder) {
  const manifest = join(folder, 'package.json');
  if (existsSync(manifest) && JSON.parse(readFileSync(manifest, 'utf8')).name === 'peft-workbench') return folder;
  if (dirname(folder) === folder) throw new Error('No package.json of peft-workbench above this file.');
  return findRoot(dirname(folder));
}

/**
 * Runs a program to its end. `minutes` ends it and its children when it takes longer; `quiet` keeps its output off the
 * terminal; `write` takes the output in place of the terminal.
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd?: string, env?: Record<string, string>, minutes?: number, quiet?: boolean, write?: (chunk: string) => void }} [options]
 * @returns {Promise<{ code: number, output: string }>}
 */
export function run(command, args, { cwd = root, env = {}, minutes = 10, quiet = false, write = show } = {}) {
  return new Promise(resolve => {
    const stdio = ['ignore', 'pipe', 'pipe'];
    const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio, detached: true });
    let output = '';
    const take = chunk => {
      output += chunk;
      if (!quiet) write(chunk);
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    const timer = setTimeout(() => {
      take(`\n${command} ${args[0] ?? ''}: ended after ${minutes} minutes\n`);
      endGroup(child.pid);
    }, minutes * 60_000);
    running.add(child.pid);
    const finish = (code, extra = '') => {
      clearTimeout(timer);
      running.delete(child.pid);
      resolve({ code, output: output + extra });
    };
    child.on('error', error => finish(127, error.message));
    child.on('close', code => finish(code ?? 1));
  });
}

/** Groups of the programs that run now. */
const running = new Set();

function show(chunk) {
  process.stdout.write(chunk);
}

/** Lets nothing that {@link run} started outlive this process when it is interrupted. */
export function endWithSignals() {
  for (const signal of ['SIGINT', 'SIGTERM'])
    process.once(signal, () => {
      for (const pid of running) endGroup(pid, 'SIGTERM');
      process.exit(1);
    });
}

/**
 * As {@link run}, but throws an error that names the program and shows the end of its output when it fails.
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd?: string, env?: Record<string, string>, minutes?: number, quiet?: boolean }} [options]
 * @returns {Promise<string>}
 */
export async function must(command, args, options) {
  const result = await run(command, args, options);
  if (result.code === 0) return result.output;
  const tail = options?.quiet ? `\n${result.output.split('\n').slice(-30).join('\n')}` : '';
  throw new Error(`${command} ${args.join(' ')} failed with code ${result.code}.${tail}`);
}

/**
 * Standard output of a short program, or undefined when it is missing or fails.
 * @param {string} command
 * @param {string[]} args
 */
export function answer(command, args) {
  const { status, stdout } = spawnSync(command, args, { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}

/**
 * Ends a detached child with all its children.
 * @param {number | undefined} pid
 * @param {'SIGKILL' | 'SIGTERM'} [signal]
 */
export function endGroup(pid, signal = 'SIGKILL') {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // Already gone.
  }
}
