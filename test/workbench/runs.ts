/** Runs as they lie on disk, read without any code of the extension. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { RunEvent } from '../../src/common/run/events';
import type { RunManifest } from '../../src/common/run/view';

export interface RunOnDisk {
  readonly id: string;
  readonly folder: string;
  readonly manifest: RunManifest;
  /** In order of `seq`, each once. */
  readonly events: readonly RunEvent[];
}

export type EventOf<T extends RunEvent['type']> = Extract<RunEvent, { type: T }>;

/** All runs of a workspace folder, oldest first. */
export function readRuns(workspace: string): RunOnDisk[] {
  const runs = join(workspace, '.peft/runs');
  if (!existsSync(runs)) return [];
  const folders = readdirSync(runs).filter(id => existsSync(join(runs, id, 'run.json')));
  const all = folders.map(id => readRun(join(runs, id)));
  return all.sort((a, b) => a.manifest.createdAt - b.manifest.createdAt);
}

/** One run; a line that is being written right now is left out. */
export function readRun(folder: string): RunOnDisk {
  const manifest = JSON.parse(readFileSync(join(folder, 'run.json'), 'utf8')) as RunManifest;
  const events = new Map<number, RunEvent>();
  for (const line of eventLines(join(folder, 'events'))) {
    const event = parseLine(line);
    if (event) events.set(event.seq, event);
  }
  return { id: manifest.id, folder, manifest, events: [...events.values()].sort((a, b) => a.seq - b.seq) };
}

function eventLines(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const texts = readdirSync(folder).map(name => readIfThere(join(folder, name)));
  return texts.flatMap(text => text.split('\n')).filter(line => line.trim() !== '');
}

function readIfThere(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}

function parseLine(line: string): RunEvent | undefined {
  try {
    return JSON.parse(line) as RunEvent;
  } catch {
    return undefined;
  }
}

/** Events of one type. */
export function eventsOf<T extends RunEvent['type']>(run: RunOnDisk, type: T): EventOf<T>[] {
  return run.events.filter((event): event is EventOf<T> => event.type === type);
}

/** State that the run's last state event tells. */
export function stateOf(run: RunOnDisk): string | undefined {
  return eventsOf(run, 'state').at(-1)?.state;
}

/**
 * Loss of every optimizer step, as it was reported last: a resumed run repeats the steps since its checkpoint.
 */
export function lossesOf(run: RunOnDisk): Map<number, number> {
  return new Map(eventsOf(run, 'metrics').map(event => [event.step, event.loss]));
}

/** Highest step reported so far. */
export function stepOf(run: RunOnDisk): number {
  return Math.max(0, ...eventsOf(run, 'metrics').map(event => event.step));
}

export interface Wait {
  /** Which run of the workspace, oldest first; the newest by default. */
  readonly index?: number;
  readonly seconds?: number;
  /** Called with each reading that does not yet satisfy; a place to show progress. */
  readonly onLook?: (run: RunOnDisk | undefined) => void;
}

/** Polls the folder until a run satisfies `holds`; a run that failed is reported at once. */
export async function waitForRun(
  workspace: string,
  what: string,
  holds: (run: RunOnDisk) => boolean,
  { index = -1, seconds = 600, onLook }: Wait = {},
): Promise<RunOnDisk> {
  const deadline = Date.now() + seconds * 1000;
  let run: RunOnDisk | undefined;
  while (Date.now() < deadline) {
    run = readRuns(workspace).at(index);
    if (run && holds(run)) return run;
    if (run && stateOf(run) === 'failed') throw new Error(`Waiting for ${what}, but the run failed: ${failure(run)}`);
    onLook?.(run);
    await new Promise(resolve => setTimeout(resolve, 250));
  }
  const last = run ? `state ${stateOf(run)}, step ${stepOf(run)}` : 'no run was created';
  throw new Error(`Waited ${seconds} s for ${what}: ${last}.`);
}

function failure(run: RunOnDisk): string {
  const problem = eventsOf(run, 'state').at(-1)?.problem;
  return problem ? `${problem.code}: ${problem.message} ${problem.hint}` : 'no reason given';
}
