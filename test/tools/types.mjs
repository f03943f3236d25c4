/**
 * `npm run types`: checks every tsconfig of the repository, each one an environment of its own, with the native compiler
 * (TypeScript 7), which takes a fraction of the time. ESLint's typed rules need the API of TypeScript 6, so both are here.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { root } from './process.mjs';

const skipped = new Set(['node_modules', 'dist', 'out', '.git', '.cache', 'demo-out', 'bench-out', '.venv', 'media']);

/** Folders below `folder` (relative to the root) that hold a tsconfig.json. */
function projects(folder = '') {
  const entries = readdirSync(`${root}/${folder}`, { withFileTypes: true });
  const here = entries.some(entry => entry.name === 'tsconfig.json') ? [folder] : [];
  const below = entries.filter(entry => entry.isDirectory() && !skipped.has(entry.name));
  return here.concat(below.flatMap(entry => projects(folder ? `${folder}/${entry.name}` : entry.name)));
}

let failed = 0;
for (const folder of projects()) {
  const config = `${folder}/tsconfig.json`;
  const { status, stdout } = spawnSync('node', ['node_modules/typescript-native/bin/tsc', '-p', config], {
    cwd: root,
    encoding: 'utf8',
  });
  const empty = /error TS18003/.test(stdout);
  if (status !== 0 && !empty) {
    failed++;
    console.log(stdout.trimEnd());
  }
  console.log(`types: ${config} ${empty ? 'has no files' : status === 0 ? 'ok' : 'FAILED'}`);
}
process.exitCode = failed > 0 ? 1 : 0;
