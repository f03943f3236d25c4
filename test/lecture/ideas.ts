/** The ideas of the lecture as they lie in `media/examples/lecture`: configs, and what is claimed of them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { checkConfig } from '../../src/headless/job';
import { applySets, type CommandLine } from '../../src/headless/arguments';
import type { RunConfig } from '../../src/common/config/schema';

export interface Claim {
  /** The claim in words. */
  readonly says: string;
  /** The same as a comparison of measures; see `expression.ts`. */
  readonly holds: string;
}

export interface Idea {
  /** File name of its config without the ending. */
  readonly config: string;
  readonly title: string;
  /** Has a row of its own in the table of methods. */
  readonly row?: boolean;
  /** Further runs by name: another config, changed keys. */
  readonly runs?: Readonly<Record<string, Variant>>;
  /** Keys changed in the quick form, where a few steps are too few for the config as it is. */
  readonly quick?: Keys;
  readonly claims: readonly Claim[];
  /** One sentence for the gallery, with measures in braces. */
  readonly seen: string;
}

export interface Variant {
  readonly config?: string;
  readonly set: Keys;
}

/** Values by `key.path`. */
export type Keys = Readonly<Record<string, unknown>>;

/** One run of the lecture: which config, with which keys changed. */
export interface LectureRun {
  readonly name: string;
  readonly config: string;
  readonly set: Keys;
}

export const lectureFolder = 'media/examples/lecture';

/** Reads the list of ideas; `root` is the project's folder. */
export function readIdeas(root: string): readonly Idea[] {
  const text = readFileSync(join(root, lectureFolder, 'lecture.json'), 'utf8');
  return (JSON.parse(text) as { readonly ideas: readonly Idea[] }).ideas;
}

/** Name of the run of a config as it is: the file's name without its number. */
export function mainRun(config: string): string {
  return config.replace(/^\d+-/, '');
}

/** The runs that an idea brings: its config as it is, then its variants. */
export function runsOf(idea: Idea): LectureRun[] {
  const variants = Object.entries(idea.runs ?? {});
  return [
    { name: mainRun(idea.config), config: idea.config, set: {} },
    ...variants.map(([name, { config, set }]) => ({ name, config: config ?? idea.config, set })),
  ];
}

export function configFile(root: string, config: string): string {
  return join(root, lectureFolder, `${config}.peft.yaml`);
}

/** Changed keys as `--set` takes them. */
export function setsOf(keys: Keys): CommandLine['sets'] {
  return Object.entries(keys).map(([path, value]) => ({ path: path.split('.'), value: JSON.stringify(value) }));
}

/** The config of a run under its name, as text. */
function textOf(root: string, { name, config, set }: LectureRun): string {
  return applySets(readFileSync(configFile(root, config), 'utf8'), setsOf({ name, ...set }));
}

/** What a run is configured to do, with every default. Throws the first error of the config. */
export function configOf(root: string, run: LectureRun): RunConfig {
  return checkConfig(textOf(root, run), configFile(root, run.config));
}

/** What the config of a run says itself, whatever the defaults are and the comments say. */
export function contentOf(root: string, run: LectureRun): unknown {
  return parse(textOf(root, run));
}
