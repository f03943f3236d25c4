/** Trains runs of the lecture as `npm run train` does, and keeps their folders as the extension would. */
import { isDeepStrictEqual } from 'node:util';
import { readFileSync, rmSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { EnginePorts } from '../../src/headless/ports';
import { trainCommand } from '../../src/headless/trainCommand';
import { stateOf, readRun, readRuns, type RunOnDisk } from '../workbench/runs';
import { configFile, contentOf, setsOf, type Keys, type LectureRun } from './ideas';

export interface TrainOptions {
  readonly root: string;
  /** Folder whose `.peft/runs` the run goes to. */
  readonly workspace: string;
  readonly ports: EnginePorts;
}

/** Trains one run to its end, with further keys changed, and returns its folder's contents. Throws what the run throws. */
export async function trainRun(run: LectureRun, keys: Keys, options: TrainOptions): Promise<RunOnDisk> {
  const { root, workspace, ports } = options;
  const runs = join(workspace, '.peft/runs');
  const out = join(runs, `${run.name}.unfinished`);
  rmSync(out, { recursive: true, force: true });
  const sets = setsOf({ name: run.name, ...run.set, ...keys });
  await trainCommand({ command: 'train', config: configFile(root, run.config), sets, out, json: true }, ports);
  const { id } = readRun(out);
  await rename(out, join(runs, id));
  return readRun(join(runs, id));
}

/** The run in the workspace that did exactly this to its end, if there is one. */
export function finishedRun(run: LectureRun, { root, workspace }: TrainOptions): RunOnDisk | undefined {
  const content = contentOf(root, run);
  const did = (one: RunOnDisk) => parse(readFileSync(join(one.folder, 'config.peft.yaml'), 'utf8')) as unknown;
  return readRuns(workspace).find(one => stateOf(one) === 'completed' && isDeepStrictEqual(did(one), content));
}
