/** `npm run bench:memory [-- ROUNDS]`: builds and runs `memory.ts` on a software Vulkan driver where there is no GPU. */
import { spawnSync } from 'node:child_process';
import { root } from '../tools/process.mjs';
import { ensurePackages, softwareDriver } from '../tools/setup.mjs';

await ensurePackages();
const env = { ...process.env, ...(await softwareDriver()) };
const commands = [
  ['esbuild.mjs', '--only', 'memoryBench'],
  ['out/tools/memory.mjs', ...process.argv.slice(2)],
];
for (const command of commands) {
  const { status } = spawnSync('node', command, { cwd: root, stdio: 'inherit', env });
  if (status !== 0) process.exit(status ?? 1);
}
