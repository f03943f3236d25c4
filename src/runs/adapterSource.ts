import { problem } from '../common/errors';
import type { FileSet } from '../common/run/events';
import type { RunManifest } from '../common/run/view';
import { decodeText, joinPath, type Files } from './files';
import { readFileSet } from './fileSets';
import { readManifest } from './manifest';

/** An adapter on disk, and the run that trained it where that is known. */
export interface FoundAdapter {
  /** Name of the run, or of the folder. */
  readonly name: string;
  readonly files: FileSet;
  readonly manifest?: RunManifest;
}

const configName = 'adapter_config.json';

/**
 * The adapter of a run folder, of a checkpoint, or of any folder that holds one. Files that a run wrote are compared with
 * their hashes.
 *
 * @param files rooted anywhere above `path`.
 * @throws `merge.noResult` for a run that has none yet, `merge.noAdapter` for any other folder, `merge.nothing` for a run
 * without an adapter, `files.damaged`, and what reading a manifest throws.
 */
export async function findAdapter(files: Files, path: string): Promise<FoundAdapter> {
  const isRun = (await files.stat(joinPath(path, 'run.json'))) !== undefined;
  const folder = isRun ? joinPath(path, 'adapter') : path;
  const manifest = await manifestAbove(files, isRun ? path : parent(path));
  const fallback = path.slice(path.lastIndexOf('/') + 1);
  if (manifest) refuseWithoutAdapter(manifest);
  const written = (await files.stat(joinPath(folder, 'files.json'))) !== undefined;
  if (isRun && !written)
    throw problem(
      'merge.noResult',
      `The run ${manifest?.name ?? fallback} has no result yet.`,
      'Let the run end, or stop it; both write the adapter.',
    );
  const set = written ? await readFileSet(files, folder) : await readPlain(files, folder);
  return { name: manifest?.name ?? fallback, files: set, manifest };
}

/** The folder or hub id of the base model that an adapter's own config names. */
export function namedBase({ files }: FoundAdapter): string | undefined {
  try {
    const config: unknown = JSON.parse(decodeText(files[configName]));
    const named = (config as { base_model_name_or_path?: unknown } | null)?.base_model_name_or_path;
    return typeof named === 'string' && named !== '' ? named : undefined;
  } catch {
    return undefined;
  }
}

function refuseWithoutAdapter({ name, config: { method } }: RunManifest): void {
  if (method.type === 'full')
    throw problem('merge.nothing', `The result of ${name} is a whole model already.`, 'Use its folder as it is.');
  if (method.type === 'few-shot')
    throw problem('merge.nothing', `${name} trained nothing that could be merged.`, 'Train an adapter first.');
}

/** `run.json` of `folder` or of the folder around it, for results and checkpoints. */
async function manifestAbove(files: Files, folder: string): Promise<RunManifest | undefined> {
  for (const candidate of [folder, parent(folder)])
    if (await files.stat(joinPath(candidate, 'run.json'))) return readManifest(files, candidate);
  return undefined;
}

async function readPlain(files: Files, folder: string): Promise<FileSet> {
  const entries = (await files.list(folder)).filter(entry => !entry.folder);
  const names = entries.map(({ name }) => name).filter(name => name === configName || name.endsWith('.safetensors'));
  if (!names.includes(configName))
    throw problem(
      'merge.noAdapter',
      `${folder} is no adapter: it has no ${configName}.`,
      'Name the folder of a run, or of an adapter as PEFT saves it.',
    );
  return Object.fromEntries(
    await Promise.all(names.map(async name => [name, await files.read(joinPath(folder, name))] as const)),
  );
}

function parent(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}
