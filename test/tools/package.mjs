/**
 * `npm run package`: builds for production and writes `peft-workbench-VERSION.vsix`, then checks what is in it.
 * With `--for-tests` also writes `out/web-twin.vsix`, the same extension whose manifest has only the `browser` entry, so
 * that the web build can be tested in a workbench that would prefer the node build, and `out/host-tests.vsix`, the
 * extension that runs the host tests (its bundles must be built).
 */
import { cpSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { root } from './process.mjs';
import { ensurePackages } from './setup.mjs';

const limit = 6_000_000;
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const vsix = join(root, `${manifest.name}-${manifest.version}.vsix`);

const required = [
  'package.json',
  'package.nls.json',
  'README.md',
  'CHANGELOG.md',
  'LICENSE',
  'dist/extension.js',
  'dist/extension.web.js',
  'dist/dashboard.js',
  'dist/comparison.js',
  'dist/enginePage.js',
  'dist/worker.js',
  'dist/codicon.ttf',
  'media/models/tiny/model.safetensors',
  'media/models/tiny/tokenizer.json',
  'media/models/tiny/README.md',
  'media/examples/devil/lora.peft.yaml',
  'media/examples/devil/data/devil.train.jsonl',
  'media/examples/lecture/lecture.json',
  'media/examples/lecture/README.md',
  ...lectureConfigs(),
];
const shippable =
  /^(package(\.nls(\.\w+)?)?\.json|README\.md|CHANGELOG\.md|LICENSE|dist\/[\w.]+\.(js|css|ttf)|media\/[^.].*|docs\/[\w-]+\.md|l10n\/.*)$/;
const forbidden = /node_modules|\.(map|ts|py|wgsl|wat)$|(^|\/)(test|src|webview)\//;

/** The configs that the lecture lists. */
function lectureConfigs() {
  const folder = 'media/examples/lecture';
  const { ideas } = JSON.parse(readFileSync(join(root, folder, 'lecture.json'), 'utf8'));
  return ideas.map(({ config }) => `${folder}/${config}.peft.yaml`);
}

/** Problems of the list of shipped files, as sentences. */
function check(files) {
  const missing = required.filter(file => !files.includes(file)).map(file => `${file} is missing from the package.`);
  const extra = files.filter(file => !shippable.test(file) || forbidden.test(file));
  return [...missing, ...extra.map(file => `${file} must not be in the package.`)];
}

async function writeWebTwin(vsce, files) {
  const folder = join(root, '.cache/web-twin');
  rmSync(folder, { recursive: true, force: true });
  for (const file of files) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    cpSync(join(root, file), join(folder, file));
  }
  rmSync(join(folder, 'dist/extension.js'), { force: true });
  const twin = { ...manifest, main: undefined, scripts: undefined };
  writeFileSync(join(folder, 'package.json'), JSON.stringify(twin, undefined, 2));
  writeFileSync(join(folder, '.vscodeignore'), '.vscodeignore\n');
  await vsce.createVSIX({ cwd: folder, packagePath: join(root, 'out/web-twin.vsix'), dependencies: false });
}

async function writeHostTests(vsce) {
  const folder = join(root, 'out/host-extension');
  cpSync(join(root, 'test/host/runner/package.json'), join(folder, 'package.json'));
  writeFileSync(join(folder, '.vscodeignore'), '.vscodeignore\n**/*.map\n');
  const options = { dependencies: false, skipLicense: true, allowMissingRepository: true };
  await vsce.createVSIX({ cwd: folder, packagePath: join(root, 'out/host-tests.vsix'), ...options });
}

await ensurePackages();
mkdirSync(join(root, 'out'), { recursive: true });
const vsce = await import('@vscode/vsce');
await vsce.createVSIX({ cwd: root, packagePath: vsix, dependencies: false });
const files = await vsce.listFiles({ cwd: root, packageManager: vsce.PackageManager.None });
const size = statSync(vsix).size;
const problems = check(files);
if (size > limit) problems.push(`The package has ${size} bytes; the limit is ${limit}.`);
console.log(files.sort().join('\n'));
console.log(`${vsix}: ${files.length} files, ${size} bytes`);
for (const problem of problems) console.error(problem);
process.exitCode = problems.length > 0 ? 1 : 0;
if (process.argv.includes('--for-tests')) {
  await writeWebTwin(vsce, files);
  await writeHostTests(vsce);
}
