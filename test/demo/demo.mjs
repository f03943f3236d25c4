/**
 * `npm run demo`: the whole path on the example, in a real workbench; leaves everything in `demo-out/`. With `--editor` only
 * the pictures of the config editor, which need no run.
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from '../tools/process.mjs';
import { prepare } from './prepare.mjs';

try {
  await prepare();
  const { runDemo } = await import(pathToFileURL(join(root, 'out/demo/demo.mjs')).href);
  await runDemo(process.argv.includes('--editor') ? 'editor' : 'whole');
} catch (error) {
  console.error(`demo: ${error.stack}`);
  process.exitCode = 1;
}
