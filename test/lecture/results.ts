/** What full runs gave, kept in `docs/lecture-results.json`; claims and gallery are computed from it. */
import { createHash } from 'node:crypto';
import { holds, valueOf, type Lookup } from './expression';
import { contentOf, runsOf, type Idea, type LectureRun } from './ideas';
import type { Measures } from './measures';

export interface Results {
  /** The adapter the runs were made on. */
  readonly adapter: string;
  readonly runs: Readonly<Record<string, RunResult>>;
}

export interface RunResult {
  /** Hash of the config that gave these numbers. */
  readonly config: string;
  readonly measures: Measures;
}

export const resultsFile = 'docs/lecture-results.json';

/** Hash of what the config of a run says. Comments do not count. */
export function configHash(root: string, run: LectureRun): string {
  return createHash('sha256')
    .update(JSON.stringify(contentOf(root, run)))
    .digest('hex')
    .slice(0, 16);
}

/** Runs whose numbers are missing, or were made with another config. */
export function staleRuns(root: string, ideas: readonly Idea[], results: Results): string[] {
  const runs = ideas.flatMap(runsOf);
  return runs.filter(run => results.runs[run.name]?.config !== configHash(root, run)).map(run => run.name);
}

/** Measures by run. The lookup throws on a name that does not exist. */
export function lookupIn(results: Results): Lookup {
  return (run, measure) => {
    const value = results.runs[run]?.measures[measure];
    if (value === undefined) throw new Error(`There is no measure ${run}.${measure}.`);
    return value;
  };
}

export interface Verdict {
  readonly idea: string;
  readonly says: string;
  readonly held: boolean;
}

/** Each claim, and whether the numbers bear it out. */
export function verdicts(ideas: readonly Idea[], results: Results): Verdict[] {
  const lookup = lookupIn(results);
  return ideas.flatMap(idea =>
    idea.claims.map(claim => ({ idea: idea.title, says: claim.says, held: holds(claim.holds, lookup) })),
  );
}

const formats: Readonly<Record<string, (value: number) => string>> = {
  loss: value => value.toFixed(2),
  count: value => Math.round(value).toLocaleString('en-US'),
  mib: value => `${(value / 2 ** 20).toFixed(1)} MiB`,
  kib: value => `${Math.round(value / 1024)} KiB`,
  percent: value => `${Math.round(value * 100)} %`,
  times: value => `${value.toPrecision(2)} times`,
};

/** A sentence with `{expression | format}` replaced by its value. */
export function filled(sentence: string, lookup: Lookup): string {
  return sentence.replace(/\{([^|}]+)\|\s*(\w+)\s*\}/g, (_, expression: string, format: string) => {
    if (!(format in formats)) throw new Error(`"${sentence}": there is no format "${format}".`);
    return formats[format](valueOf(expression, lookup));
  });
}
