/**
 * Builds every bundle of the project.
 *
 *   node esbuild.mjs [--production] [--watch] [--only host,dashboard,…] [--metafile DIR]
 *
 * `dist/` is what the extension ships, `out/` is what the tests run. Each bundle belongs to one environment, so a wrong
 * import (node in the web host, `vscode` in a page) fails here.
 */
import { context, build } from 'esbuild';
import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { wat } from './test/tools/wat.mjs';

const flag = name => process.argv.includes(name);
const option = name => (flag(name) ? process.argv[process.argv.indexOf(name) + 1] : undefined);
const production = flag('--production');
const only = option('--only')?.split(',');
const metafileDir = option('--metafile');

/** CommonJS packages inside an ES module bundle still call `require` for node's own modules. */
const requireBanner =
  "import { createRequire as bundleRequire } from 'node:module';const require = bundleRequire(import.meta.url);";
const web = { platform: 'browser', format: 'iife', target: 'chrome128' };
const nodeModule = {
  platform: 'node',
  format: 'esm',
  target: 'node20',
  outExtension: { '.js': '.mjs' },
  banner: { js: requireBanner },
};
const hostModule = {
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  external: ['vscode'],
  define: { repository: JSON.stringify(process.cwd()) },
};
const nativeModules = ['webgpu', 'playwright-core', 'mocha', 'esbuild', 'wabt'];

/** Bundles of which there are as many as there are test files. */
const suites = ['unit', 'engine', 'runs', 'memory', 'headlessTests', 'e2e', 'hostTests'];

/** Every bundle: its entry points and what its environment allows. */
const bundles = [
  {
    name: 'host',
    entry: { extension: 'src/extension.ts' },
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    external: ['vscode'],
  },
  {
    name: 'web',
    entry: { 'extension.web': 'src/extension.ts' },
    platform: 'browser',
    format: 'cjs',
    target: 'es2022',
    external: ['vscode'],
  },
  { name: 'dashboard', entry: { dashboard: 'webview/app/main.ts' }, ...web },
  { name: 'comparison', entry: { comparison: 'webview/app/compare/main.ts' }, ...web },
  { name: 'estimate', entry: { estimate: 'webview/app/estimate/main.ts' }, ...web },
  { name: 'enginePage', entry: { enginePage: 'webview/enginePage/main.ts' }, ...web },
  { name: 'worker', entry: { worker: 'webview/worker/trainWorker.ts' }, ...web },
  { name: 'headless', entry: { headless: 'src/headless/cli.ts' }, ...nodeModule, external: ['webgpu'] },
  {
    name: 'memoryBench',
    entry: { memory: 'test/bench/memory.ts' },
    outdir: 'out/tools',
    ...nodeModule,
    external: nativeModules,
  },
  { name: 'views', entry: { views: 'test/bench/views.ts' }, outdir: 'out/tools', ...nodeModule },
  {
    name: 'shapes',
    entry: { shapes: 'test/bench/shapes.ts' },
    outdir: 'out/tools',
    ...nodeModule,
    external: nativeModules,
  },
  { name: 'forecastBench', entry: { forecast: 'test/bench/forecast.ts' }, outdir: 'out/tools', ...nodeModule },
  { name: 'docs', entry: { docs: 'src/common/config/docs.ts' }, outdir: 'out/tools', ...nodeModule },
  { name: 'unit', entry: tests('unit'), outdir: 'out/unit', ...nodeModule, external: nativeModules },
  { name: 'engine', entry: tests('engine'), outdir: 'out/engine', ...nodeModule, external: nativeModules },
  { name: 'runs', entry: tests('runs'), outdir: 'out/runs', ...nodeModule, external: nativeModules },
  { name: 'memory', entry: tests('memory'), outdir: 'out/memory', ...nodeModule, external: nativeModules },
  {
    name: 'headlessTests',
    entry: tests('headless'),
    outdir: 'out/headless',
    ...nodeModule,
    external: nativeModules,
  },
  {
    name: 'demo',
    entry: { demo: 'test/demo/run.ts', start: 'test/demo/serve.ts' },
    outdir: 'out/demo',
    ...nodeModule,
    external: nativeModules,
  },
  {
    name: 'parity',
    entry: { ours: 'test/parity/ours.ts' },
    outdir: 'out/parity',
    ...nodeModule,
    external: nativeModules,
  },
  {
    name: 'lecture',
    entry: { lecture: 'test/lecture/main.ts', gallery: 'test/lecture/gallery.ts' },
    outdir: 'out',
    ...nodeModule,
    external: nativeModules,
  },
  { name: 'large', entry: { large: 'test/large/main.ts' }, outdir: 'out', ...nodeModule, external: nativeModules },
  { name: 'e2e', entry: tests('e2e'), outdir: 'out/e2e', ...nodeModule, external: nativeModules },
  { name: 'hostTests', entry: tests('host'), outdir: 'out/host-extension/tests', ...hostModule },
  {
    name: 'hostExtension',
    entry: { extension: 'test/host/runner/extension.ts' },
    outdir: 'out/host-extension',
    ...hostModule,
  },
  {
    name: 'hostRunner',
    entry: { host: 'test/host/runner/run.ts' },
    outdir: 'out/tools',
    ...nodeModule,
    external: nativeModules,
  },
];

/** Test files of one suite as an entry map that keeps their folders. */
function tests(suite) {
  const folder = `test/${suite}`;
  if (!existsSync(folder)) return {};
  const files = readdirSync(folder, { recursive: true }).filter(file => file.endsWith('.test.ts'));
  return Object.fromEntries(files.map(file => [file.slice(0, -'.ts'.length), `${folder}/${file}`]));
}

function settings(bundle) {
  const { entry, ...rest } = bundle;
  delete rest.name;
  return {
    outdir: 'dist',
    entryPoints: entry,
    bundle: true,
    sourcemap: production ? false : 'linked',
    minify: production,
    legalComments: production ? 'none' : 'inline',
    metafile: true,
    logLevel: 'warning',
    loader: { '.wgsl': 'text', '.ttf': 'file' },
    plugins: [wat],
    assetNames: '[name]',
    ...rest,
    define: { 'process.env.NODE_ENV': JSON.stringify(production ? 'production' : 'development'), ...rest.define },
  };
}

function shipped(bundle) {
  return !('outdir' in bundle);
}

function wanted(bundle) {
  if (only) return only.includes(bundle.name);
  return shipped(bundle) || !production;
}

/** Removes bundles of tests that are gone, so that they do not run any more. */
function removeStale({ name, outdir, entry }) {
  if (!suites.includes(name) || !existsSync(outdir)) return;
  for (const file of readdirSync(outdir, { recursive: true })) {
    const name = file.replace(/\.test\.m?js(\.map)?$/, '.test');
    if (name !== file && !(name in entry)) rmSync(`${outdir}/${file}`);
  }
}

/** The icon font goes beside the pages that use it. */
function copyAssets() {
  mkdirSync('dist', { recursive: true });
  for (const file of ['codicon.ttf', 'codicon.css']) {
    copyFileSync(join('node_modules/@vscode/codicons/dist', file), join('dist', file));
  }
}

async function run() {
  const selected = bundles.filter(wanted).filter(bundle => Object.keys(bundle.entry).length > 0);
  if (selected.some(shipped)) copyAssets();
  if (flag('--watch')) {
    for (const bundle of selected) await (await context({ ...settings(bundle), logLevel: 'info' })).watch();
    console.log('esbuild: watching');
    return;
  }
  for (const bundle of selected) {
    const result = await build(settings(bundle));
    removeStale(bundle);
    if (metafileDir) {
      mkdirSync(metafileDir, { recursive: true });
      writeFileSync(join(metafileDir, `${bundle.name}.json`), JSON.stringify(result.metafile));
    }
  }
  console.log(`esbuild: built ${selected.map(bundle => bundle.name).join(', ')}`);
}

await run();
