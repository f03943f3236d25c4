/** The dashboard in a plain browser. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { servePage } from './servePage.mjs';

/**
 * Scenes are chosen by the query: `?scene=running&theme=dark`, see `scenes.ts` and `themes.json`. `runs`: run folders that
 * the scene `recorded` shows, the first as the main run.
 *
 * @param {readonly string[]} runs
 */
export async function startPreview(runs = []) {
  const given = `globalThis.recordedRuns = ${JSON.stringify(runs.map(readRun))};`;
  return servePage({ name: 'dashboard', page: 'webview/app/main.ts', harness: 'test/app/harness.ts', given });
}

/** A run as it lies on disk. @param {string} folder */
function readRun(folder) {
  const lines = readdirSync(join(folder, 'events'))
    .filter(name => name.endsWith('.jsonl'))
    .flatMap(name => readFileSync(join(folder, 'events', name), 'utf8').split('\n'));
  return { manifest: JSON.parse(readFileSync(join(folder, 'run.json'), 'utf8')), lines };
}
