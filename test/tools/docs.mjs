/**
 * `npm run docs`: writes the files that are generated from the config schema (reference page, JSON schema), and the
 * gallery of the README from the kept results of the lecture.
 * `npm run docs -- --check` writes nothing and fails when a file on disk differs from what would be written.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { must, root } from './process.mjs';
import { ensurePackages } from './setup.mjs';

await ensurePackages();
await must('node', ['esbuild.mjs', '--only', 'docs,lecture'], { quiet: true });
const { generatedDocs } = await import(pathToFileURL(join(root, 'out/tools/docs.mjs')).href);
const { withGallery } = await import(pathToFileURL(join(root, 'out/gallery.mjs')).href);
const text = path => readFileSync(join(root, path), 'utf8');
const { ideas } = JSON.parse(text('media/examples/lecture/lecture.json'));
const results = JSON.parse(text('docs/lecture-results.json'));
const readme = withGallery(text('README.md'), ideas, results);

const check = process.argv.includes('--check');
const stale = [];
for (const [path, content] of Object.entries({ ...generatedDocs(), 'README.md': readme })) {
  const file = join(root, path);
  if (existsSync(file) && readFileSync(file, 'utf8') === content) continue;
  stale.push(path);
  if (check) continue;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
  console.log(`docs: wrote ${path}`);
}
if (check && stale.length > 0) {
  console.error(`docs: ${stale.join(', ')} is not what it is made from. Run npm run docs and commit the result.`);
  process.exitCode = 1;
} else if (stale.length === 0) {
  console.log('docs: unchanged');
}
