import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { problem } from '../common/errors';
import { adapterFolder } from '../common/config/adapterFolder';
import { parseConfig } from '../common/config/parse';
import type { RunConfig } from '../common/config/schema';
import type { TrainJob } from '../common/protocol';
import type { FileSet } from '../common/run/events';
import { readModelFolder, type ModelSource } from '../models/modelFolder';
import { contentHash } from '../runs/hash';
import { diskProblem } from './diskProblems';
import { nodeFiles } from './nodeFiles';
import { weightFile } from './weightFile';
import { applySets, type CommandLine } from './arguments';

export interface HeadlessConfig {
  readonly path: string;
  readonly text: string;
  readonly config: RunConfig;
}

/** The part of a command line that names a config. */
type ConfigLine = Pick<CommandLine, 'config' | 'sets'> & Partial<CommandLine>;

/** Reads and checks the config of a command line. Throws the first error with its line. */
export async function readConfig({ config: path, sets }: ConfigLine): Promise<HeadlessConfig> {
  const text = applySets(new TextDecoder().decode(await bytesOf(path, 'the config')), sets);
  return { path: resolve(path), text, config: checkConfig(text, path) };
}

/** The config of a text. Throws its first error, with `label` and the line. */
export function checkConfig(text: string, label: string): RunConfig {
  const parsed = parseConfig(text);
  if (parsed.value) return parsed.value;
  const first = parsed.problems.find(one => one.severity === 'error') ?? parsed.problems[0];
  const line = text.slice(0, first.range.start).split('\n').length;
  throw problem(first.code, `${label}, line ${line}: ${first.message}`, first.hint);
}

/** The model a config names. */
export function readModel({ path, config }: HeadlessConfig): Promise<ModelSource> {
  const folder = modelFolder(config.model, dirname(path));
  const openWeights = (name: string) => weightFile(join(folder, name), name);
  return readModelFolder(nodeFiles(folder), { label: config.model, openWeights });
}

/** Where `builtin:NAME` lies in this project; any other model is a folder relative to `base`. */
export function modelFolder(model: string, base: string): string {
  const builtin = /^builtin:(.*)$/.exec(model)?.[1];
  return builtin === undefined ? resolve(base, model) : join(projectRoot(), 'media/models', builtin);
}

/** The bundle lies somewhere below the project, in `dist/` or in `out/`. */
function projectRoot(): string {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, 'media/models')) && dirname(folder) !== folder) folder = dirname(folder);
  return folder;
}

export interface HeadlessJob {
  readonly job: TrainJob;
  readonly fingerprint: string;
  readonly data: { readonly train: string; readonly eval?: string };
}

/** Reads everything a run needs from disk. */
export async function readJob(loaded: HeadlessConfig, runId: string, resume?: string): Promise<HeadlessJob> {
  const { config } = loaded;
  const near = (path: string) => resolve(dirname(loaded.path), path);
  const model = await readModel(loaded);
  const train = await bytesOf(near(config.data.train), 'data.train');
  const evaluation = config.data.eval === undefined ? undefined : await bytesOf(near(config.data.eval), 'data.eval');
  const adapter = adapterFolder(config)?.path;
  return {
    job: {
      runId,
      config,
      model: model.files,
      train,
      trainLabel: config.data.train,
      eval: evaluation,
      evalLabel: config.data.eval,
      adapter: adapter === undefined ? undefined : await readFolder(near(adapter), 'method.adapter: '),
      checkpoint: resume === undefined ? undefined : await readFolder(resolve(resume), '--resume '),
    },
    fingerprint: model.fingerprint,
    data: { train: await contentHash([train]), eval: evaluation && (await contentHash([evaluation])) },
  };
}

/** The files of a folder, without its subfolders; `named` says where the folder was named. */
export async function readFolder(folder: string, named: string): Promise<FileSet> {
  const files = nodeFiles(folder);
  const names = (await files.list('')).filter(entry => !entry.folder).map(entry => entry.name);
  if (names.length === 0)
    throw problem(
      'file.missing',
      `${named}${folder} is no folder with files.`,
      'Name the folder of an adapter or a checkpoint.',
    );
  const entries = await Promise.all(names.map(async name => [name, await files.read(name)] as const));
  return Object.fromEntries(entries);
}

async function bytesOf(path: string, what: string): Promise<Uint8Array> {
  try {
    return new Uint8Array(await readFile(path));
  } catch (error) {
    throw diskProblem(error, `${what}: ${path}`);
  }
}

export function runName({ config, path }: HeadlessConfig): string {
  return config.name ?? basename(path).replace(/\.peft\.(ya?ml|json)$/, '');
}
