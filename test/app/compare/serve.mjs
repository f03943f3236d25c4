/** The comparison page in a plain browser. */
import { build } from 'esbuild';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from '../../tools/process.mjs';
import { servePage } from '../servePage.mjs';

/**
 * Scenes are chosen by the query: `?scene=bakeoff&theme=dark`. With `runs` every scene is the runs of that folder.
 * @param {{ folder: string, key?: string, only?: string, name: string, question: string }} [runs]
 */
export async function startComparePreview(runs) {
  const snapshot = runs === undefined ? undefined : await readRuns(runs);
  return servePage({
    name: 'comparison',
    page: 'webview/app/compare/main.ts',
    harness: 'test/app/compare/harness.ts',
    given: `window.given = ${JSON.stringify(snapshot) ?? 'undefined'};\n`,
  });
}

async function readRuns({ folder, ...options }) {
  const out = mkdtempSync(join(tmpdir(), 'peft-preview-'));
  const outfile = join(out, 'fromRuns.mjs');
  // CommonJS packages inside an ES module bundle still call `require` for node's own modules.
  const js = "import { createRequire } from 'node:module';const require = createRequire(import.meta.url);";
  const shared = { bundle: true, outfile, format: 'esm', platform: 'node', logLevel: 'warning', banner: { js } };
  await build({ entryPoints: [join(root, 'test/app/compare/fromRuns.ts')], ...shared });
  const { snapshotOf } = await import(pathToFileURL(outfile).href);
  rmSync(out, { recursive: true, force: true });
  return snapshotOf(resolve(folder), options);
}
