/** Walls that only the bundler can see: no import cycle in a bundle, and a worker that is one self-contained file. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { build, type Metafile } from 'esbuild';
import { wat } from '../../tools/wat.mjs';

const bundles = {
  host: 'src/extension.ts',
  dashboard: 'webview/app/main.ts',
  comparison: 'webview/app/compare/main.ts',
  estimate: 'webview/app/estimate/main.ts',
  enginePage: 'webview/enginePage/main.ts',
  worker: 'webview/worker/trainWorker.ts',
  headless: 'src/headless/cli.ts',
};

async function bundle(entry: string): Promise<{ metafile: Metafile; text: string }> {
  const result = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    metafile: true,
    logLevel: 'silent',
    outdir: 'out/unused',
    platform: entry.startsWith('webview/') ? 'browser' : 'node',
    external: ['vscode', 'webgpu'],
    loader: { '.wgsl': 'text', '.ttf': 'dataurl' },
    plugins: [wat],
  });
  return { metafile: result.metafile, text: result.outputFiles.find(file => file.path.endsWith('.js'))?.text ?? '' };
}

/** First import cycle among our own files, as a path, or undefined. Type-only imports are gone before this graph. */
function findCycle(inputs: Metafile['inputs']): string[] | undefined {
  const done = new Set<string>();
  const visit = (file: string, path: string[]): string[] | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file) || file.startsWith('node_modules/')) return undefined;
    for (const next of inputs[file]?.imports ?? []) {
      const cycle = visit(next.path, [...path, file]);
      if (cycle) return cycle;
    }
    done.add(file);
    return undefined;
  };
  for (const file of Object.keys(inputs)) {
    const cycle = visit(file, []);
    if (cycle) return cycle;
  }
  return undefined;
}

describe('walls of the bundles', function () {
  this.timeout(60_000);

  for (const [name, entry] of Object.entries(bundles)) {
    it(`${name} has no import cycle`, async () => {
      const { metafile } = await bundle(entry);
      assert.equal(findCycle(metafile.inputs)?.join(' → '), undefined);
    });
  }

  it('the package lets every page in', () => {
    const allowed = readFileSync('.vscodeignore', 'utf8').split('\n');
    const pages = Object.entries(bundles).filter(([name, entry]) => entry.startsWith('webview/') && name !== 'worker');
    const files = pages.flatMap(([name]) => [`!dist/${name}.js`, `!dist/${name}.css`]);
    assert.deepEqual(
      files.filter(file => !allowed.includes(file)),
      [],
    );
  });

  it('finds a cycle where there is one', () => {
    const edge = (path: string) => ({ bytes: 0, imports: [{ path, kind: 'import-statement' as const }] });
    assert.deepEqual(findCycle({ a: edge('b'), b: edge('c'), c: edge('b') }), ['b', 'c', 'b']);
  });

  it('the worker is one file that needs no document and loads nothing', async () => {
    const { text } = await bundle(bundles.worker);
    assert.ok(text.length > 10_000, 'the worker bundle is empty');
    for (const forbidden of [/\bimport\(/, /\bimportScripts\b/, /\bdocument\s*[.[]/, /\brequire\(/]) {
      assert.doesNotMatch(text, forbidden);
    }
  });

  it('the worker does not contain VS Code, node or page code', async () => {
    const { metafile } = await bundle(bundles.worker);
    const own = Object.keys(metafile.inputs).filter(file => !file.startsWith('node_modules/'));
    assert.deepEqual(
      own.filter(file => !/^(webview\/(engine|worker)|src\/common)\//.test(file)),
      [],
    );
  });
});
