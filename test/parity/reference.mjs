/** A reference process: `reference.py` in one environment, which prepares its cases and then compares those it is told. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { here, python, pythonEnvironment } from './environments.mjs';

/**
 * Starts the reference of an environment and waits until its cases lie prepared in `work`.
 * @param {import('./environments.mjs').Environment} environment
 * @param {string} work
 * @param {string[]} filter a part of a name, or nothing for all cases
 * @param {(report: Report) => void} onReport called with each comparison as it is done
 * @returns {Promise<Reference>}
 *
 * @typedef {{ name: string, passed: boolean, error?: string, [number: string]: unknown }} Report
 * @typedef {{ names: string[], compare(name: string): void, end(): Promise<void> }} Reference
 * `compare` may be called for each of `names` once what our engine wrote for it is on disk; `end` resolves when all that
 * was asked for has been reported, and throws when the process ended before.
 */
export async function startReference(environment, work, filter, onReport) {
  const child = spawn(await python(environment), [join(here, 'reference.py'), work, ...filter], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: pythonEnvironment(environment),
  });
  const endWithUs = () => child.kill();
  process.once('exit', endWithUs);
  // A process that has ended no longer reads; `closed` tells of it.
  child.stdin.on('error', () => undefined);
  const closed = new Promise(resolve => child.once('close', resolve));
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const first = await lines.next();
  if (first.done) throw new Error(`The reference in ${environment.venv} ended before its cases were prepared.`);
  const reports = readReports(lines, onReport);
  let asked = 0;
  return {
    names: JSON.parse(first.value),
    compare: name => {
      asked++;
      child.stdin.write(`${name}\n`);
    },
    end: async () => {
      child.stdin.end();
      const told = await reports;
      const code = await closed;
      process.off('exit', endWithUs);
      if (told !== asked || code !== 0)
        throw new Error(
          `The reference in ${environment.venv} ended with code ${code} after ${told} of ${asked} cases.`,
        );
    },
  };
}

async function readReports(lines, onReport) {
  let count = 0;
  for await (const line of { [Symbol.asyncIterator]: () => lines }) {
    count++;
    onReport(JSON.parse(line));
  }
  return count;
}
