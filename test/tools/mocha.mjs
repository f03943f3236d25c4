/** Runs bundled mocha files in a process of their own and reads the counts from the report. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { root, run } from './process.mjs';

/**
 * Runs every test below `folder`. A run that crashes, hangs or finds no test counts as one failure.
 * @param {string} label
 * @param {string} folder
 * @param {{ env?: Record<string, string>, minutes?: number, timeout?: number, extension?: string, grep?: string, names?: string }} [options]
 * @returns {Promise<{ label: string, passed: number, failed: number, skipped: number }>}
 */
export async function mocha(label, folder, options = {}) {
  const { env = {}, minutes = 10, timeout = 20_000, extension = '.mjs', grep, names = '*' } = options;
  if (!existsSync(join(root, folder))) return summary(label, { code: 1, output: '' });
  const files = `${folder}/**/${names}.test${extension}`;
  const args = ['node_modules/mocha/bin/mocha.js', '--timeout', String(timeout), '--reporter', 'spec', '--exit'];
  if (grep) args.push('--grep', grep);
  return summary(label, await run('node', [...args, files], { env, minutes }));
}

/**
 * Counts of a spec report; see {@link mocha}.
 * @param {string} label
 * @param {{ code: number, output: string }} result
 */
export function summary(label, { code, output }) {
  const count = word => Number(new RegExp(`^\\s+(\\d+) ${word}`, 'm').exec(output)?.[1] ?? 0);
  const counts = { label, passed: count('passing'), failed: count('failing'), skipped: count('pending') };
  const crashed = code !== 0 && counts.failed === 0;
  const empty = counts.passed + counts.failed === 0;
  if (crashed || empty) {
    console.log(`${label}: ${empty ? 'no test ran' : `the test process ended with code ${code}`}`);
    counts.failed++;
  }
  return counts;
}
