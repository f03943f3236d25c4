/**
 * `npm run large [-- FOLDER]`: writes a model of 1.5 GB into a folder of its own in FOLDER (or the system's temporary one),
 * trains and generates with it in 600 MiB of GPU and 1 GiB of host memory, and says what was resident. Needs 3.2 GB of disk.
 */
import { must, run } from '../tools/process.mjs';
import { ensurePackages, softwareDriver } from '../tools/setup.mjs';

await ensurePackages();
await must('node', ['esbuild.mjs', '--only', 'headless,large'], { quiet: true });
const { code } = await run('node', ['out/large.mjs', ...process.argv.slice(2)], {
  env: await softwareDriver(),
  minutes: 120,
});
process.exitCode = code;
