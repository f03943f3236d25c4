/**
 * Parts of `npm test` beside the others: a second process at low priority, which uses what the first leaves of the
 * processor. Its output is held back and shown in one piece, so that the log reads as if the parts ran one after the other.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from './process.mjs';

/** Parts that only compute: nothing in them waits for a page within some time. */
const computing = ['engine', 'parity'];

/**
 * Splits the parts of a run into those for this process and those to run beside it; nothing runs beside where there is
 * one processor or no `nice`.
 * @param {string[]} names
 * @returns {{ own: string[], beside: string[] }}
 */
export function split(names) {
  const beside = names.filter(name => computing.includes(name));
  const own = names.filter(name => !computing.includes(name));
  const possible = availableParallelism() > 1 && process.platform !== 'win32';
  return possible && own.length > 0 ? { own, beside } : { own: names, beside: [] };
}

/**
 * Starts parts in a process of their own.
 * @param {string[]} names
 * @param {string[]} flags further arguments of test.mjs
 * @returns {{ show(): Promise<Result[]> }} `show` prints what there is, then follows to the end and returns the results
 *
 * @typedef {{ label: string, passed: number, failed: number, skipped: number }} Result
 */
export function startBeside(names, flags) {
  const folder = mkdtempSync(join(tmpdir(), 'peft-lane-'));
  const file = join(folder, 'results.json');
  let held = '';
  let write = chunk => {
    held += chunk;
  };
  const args = ['-n', '15', process.execPath, 'test/tools/test.mjs', ...names, '--results', file, ...flags];
  const ended = run('nice', args, { minutes: 60, write: chunk => write(String(chunk)) });
  return {
    show: async () => {
      write = chunk => process.stdout.write(chunk);
      write(held);
      const { code } = await ended;
      const results = readResults(file) ?? [crashed(names, code)];
      rmSync(folder, { recursive: true, force: true });
      return results;
    },
  };
}

function readResults(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

function crashed(names, code) {
  console.log(`${names.join(' and ')}: the test process ended with code ${code}`);
  return { label: names.join(' and '), passed: 0, failed: 1, skipped: 0 };
}
