/**
 * `npm run train -- …`, `npm run forecast -- …`, `npm run generate -- …` and `npm run merge -- …`: the engine in node. Installs packages and
 * builds `dist/headless.mjs` when they are missing or older than their sources, picks a software Vulkan driver where the
 * machine has no GPU, and hands the terminal to the program: on standard output there is nothing but what it prints.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './process.mjs';
import { ensurePackages, softwareDriver } from './setup.mjs';

const bundle = join(root, 'dist/headless.mjs');
console.log = console.error;

/** Time of the newest source file in `folders`, epoch milliseconds. */
function newest(folders) {
  const files = folders.flatMap(folder =>
    readdirSync(join(root, folder), { recursive: true })
      .filter(name => /\.(ts|wgsl|wat)$/.test(name))
      .map(name => statSync(join(root, folder, name)).mtimeMs),
  );
  return Math.max(...files);
}

function build() {
  const sources = newest(['src', 'webview/engine']);
  if (existsSync(bundle) && statSync(bundle).mtimeMs > sources) return;
  const result = spawnSync('node', ['esbuild.mjs', '--only', 'headless'], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (result.status !== 0) throw new Error('The command line could not be built.');
}

await ensurePackages();
build();
const needsGpu = !['forecast', 'merge'].includes(process.argv[2]);
const env = { ...process.env, ...(needsGpu ? await softwareDriver() : {}) };
const result = spawnSync('node', [bundle, ...process.argv.slice(2)], { stdio: 'inherit', env });
process.exitCode = result.status ?? 1;
