/**
 * `npm run lecture -- [--only TEXT] [--out FOLDER] [--again]`: trains the examples of the lecture, keeps their numbers in
 * `docs/lecture-results.json` and checks each claim. Builds what it needs and picks a software driver as `npm run train` does.
 */
import { must, run } from '../tools/process.mjs';
import { ensurePackages, softwareDriver } from '../tools/setup.mjs';

await ensurePackages();
await must('node', ['esbuild.mjs', '--only', 'lecture'], { quiet: true });
const { code } = await run('node', ['out/lecture.mjs', ...process.argv.slice(2)], {
  env: await softwareDriver(),
  minutes: 120,
});
process.exitCode = code;
