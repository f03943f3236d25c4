/** A comparison made of run folders as they lie on disk: of several methods, or of the values of one key. */
import { comparedRun, type ComparedRun } from '../../../src/common/comparison/comparedRun';
import type { ComparedVariant } from '../../../src/common/comparison/groups';
import { choiceOf } from '../../../src/common/config/methodChoices';
import { comparisonVersion, type ComparisonSnapshot } from '../../../src/common/comparison/protocol';
import { describeMethod } from '../../../src/common/config/describe';
import { currentValue } from '../../../src/commands/sweepValues';
import { foldAll } from '../../../src/common/run/fold';
import { nodeFiles } from '../../../src/headless/nodeFiles';
import { readJournal } from '../../../src/runs/journal';
import { readManifest } from '../../../src/runs/manifest';

export interface FromRuns {
  readonly key?: string;
  readonly name: string;
  readonly question: string;
  /** Names of runs to take, as a regular expression for the whole name. */
  readonly only?: string;
}

/**
 * @param folder holds run folders, each with its `run.json`; of several runs of one name and seed the newest counts.
 * `key`: that of a sweep; `name` and `question` as on the page.
 */
export async function snapshotOf(folder: string, options: FromRuns): Promise<ComparisonSnapshot> {
  const { key, name, question, only = '.*' } = options;
  const files = nodeFiles(folder);
  const wanted = new RegExp(`^(?:${only})$`);
  const newest = new Map<string, ComparedRun>();
  const names = (await files.list('')).filter(entry => entry.folder).map(entry => entry.name);
  for (const id of names.toSorted()) {
    if (!(await files.stat(`${id}/run.json`))) continue;
    const manifest = await readManifest(files, id);
    if (!wanted.test(manifest.name)) continue;
    const run = comparedRun(foldAll(manifest, (await readJournal(files, id)).events));
    newest.set(`${manifest.name} ${manifest.config.training.seed}`, run);
  }
  const runs = [...newest.values()];
  const variants = runs.map((run): ComparedVariant => {
    const group = key === undefined ? groupOf(run) : String(currentValue(run.config, key));
    const label = key === undefined ? groupOf(run) : `${key.slice(key.lastIndexOf('.') + 1)} ${group}`;
    return { group, label, seed: run.config.training.seed, config: `${run.id}.peft.yaml`, isQueued: false, run };
  });
  const listed = variants.map(({ group, label, seed, config }) => ({ group, label, seed, config }));
  const kind = key === undefined ? 'methods' : 'sweep';
  const definition = { version: 1 as const, name, kind, key, question, base: '-', variants: listed } as const;
  return { version: comparisonVersion, comparison: folder, definition: { ...definition, variants: listed }, variants };
}

function groupOf({ config }: ComparedRun): string {
  return `${choiceOf(config) === 'qlora' ? 'Q' : ''}${describeMethod(config)}`;
}
