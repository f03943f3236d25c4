/** The engines we compare with, installed beside the bench when it runs; no package runs a script. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ensurePackages } from '../tools/setup.mjs';
import { must, root } from '../tools/process.mjs';

export const benchFolder = join(root, 'test/bench');

export async function ensurePeers() {
  await ensurePackages();
  if (existsSync(join(benchFolder, 'node_modules/.package-lock.json'))) return;
  console.log('bench: installing jax-js, TensorFlow.js and nanogpt (npm ci --ignore-scripts)');
  const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  await must('npm', ['ci', ...flags], { cwd: benchFolder, quiet: true });
}
