/** Running other programs: always with a time limit, always with what they print in view. */
import { spawn, spawnSync } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Root of the repository. */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/**
 * Runs a program to its end and resolves to `{ code, output }`.
 * `minutes` ends it (and its children) when it takes longer; `quiet` keeps its output off the terminal.
 */
export function run(command, args, { cwd = root, env = {}, minutes = 10, quiet = false } = {}) {
  return new Promise(resolve => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    let output = '';
    const take = chunk => {
      output += chunk;
      if (!quiet) process.stdout.write(chunk);
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    const timer = setTimeout(() => {
      take(`\n${command} ${args[0] ?? ''}: ended after ${minutes} minutes\n`);
      endGroup(child.pid);
    }, minutes * 60_000);
    child.on('error', error => resolve({ code: 127, output: output + error.message }));
    child.on('close', code => {
      clearTimeout(timer);
      resolve({ code: code ?? 1, output });
    });
  });
}

/** As {@link run}, but throws an error that names the program and shows the end of its output when it fails. */
export async function must(command, args, options) {
  const result = await run(command, args, options);
  if (result.code === 0) return result.output;
  const tail = options?.quiet ? `\n${result.output.split('\n').slice(-30).join('\n')}` : '';
  throw new Error(`${command} ${args.join(' ')} failed with code ${result.code}.${tail}`);
}

/** Standard output of a short program, or undefined when it is missing or fails. */
export function answer(command, args) {
  const { status, stdout } = spawnSync(command, args, { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}

/** Ends a detached child with all its children. */
export function endGroup(pid) {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Already gone.
  }
}
