import * as vscode from 'vscode';
import { parseConfig } from '../common/config/parse';
import { adapterFolder, type AdapterFolder } from '../common/config/adapterFolder';
import type { RunConfig } from '../common/config/schema';
import { problem, ProblemError, type Problem } from '../common/errors';
import type { FileSet } from '../common/run/events';
import { parentOf, resolvePlace } from '../models/places';
import { readModel, resolveModelPlace, type PageAddresses } from '../models/resolve';
import type { BuiltJob } from './builtJob';
import { contentHash } from './hash';
import { workspaceFiles } from './workspaceFiles';

/** The config's value, or the first of its errors with its line. */
export function checkedConfig(text: string, path: string): RunConfig {
  const parsed = parseConfig(text);
  if (parsed.value) return parsed.value;
  const first = parsed.problems.find(one => one.severity === 'error') ?? parsed.problems[0];
  const line = text.slice(0, first.range.start).split('\n').length;
  throw problem(first.code, `${path}, line ${line}: ${first.message}`, first.hint);
}

/**
 * Reads the config's model and data.
 *
 * @throws problems that name the key and the path of whatever is missing.
 */
export async function buildJob(
  config: RunConfig,
  at: { folder: vscode.Uri; configPath: string },
  extensionUri: vscode.Uri,
  page: PageAddresses,
): Promise<BuiltJob> {
  const configUri = at.configPath.startsWith('/')
    ? at.folder.with({ path: at.configPath })
    : vscode.Uri.joinPath(at.folder, at.configPath);
  const base = parentOf(configUri);
  const warnings: Problem[] = [];
  const place = (path: string) => {
    const found = resolvePlace(base, path, at.folder);
    if (found.warning) warnings.push(found.warning);
    return found.uri;
  };
  const modelPlace = resolveModelPlace(config.model, { extensionUri, base, workspaceFolder: at.folder });
  if (modelPlace.warning) warnings.push(modelPlace.warning);
  const model = await readModel(config.model, modelPlace.uri, page);
  const train = await readData('data.train', config.data.train, place(config.data.train));
  const evalPath = config.data.eval;
  const evalRows = evalPath === undefined ? undefined : await readData('data.eval', evalPath, place(evalPath));
  const folder = adapterFolder(config);
  const adapter = folder === undefined ? undefined : await readAdapter(folder, place(folder.path));
  return {
    job: {
      config,
      model: model.files,
      train,
      trainLabel: config.data.train,
      eval: evalRows,
      evalLabel: evalPath,
      adapter,
    },
    fingerprint: model.fingerprint,
    data: {
      train: await contentHash([train]),
      ...(evalRows ? { eval: await contentHash([evalRows]) } : {}),
    },
    warnings,
  };
}

async function readData(key: string, path: string, uri: vscode.Uri): Promise<Uint8Array> {
  try {
    return await workspaceFiles(uri).read('');
  } catch (error) {
    throw keyed('data.missing', key, path, error);
  }
}

async function readAdapter({ path, files: names }: AdapterFolder, uri: vscode.Uri): Promise<FileSet> {
  const files = workspaceFiles(uri);
  const set: Record<string, Uint8Array> = {};
  for (const name of names) {
    try {
      set[name] = await files.read(name);
    } catch (error) {
      throw keyed('adapter.missing', 'method.adapter', `${path}/${name}`, error);
    }
  }
  return set;
}

function keyed(code: string, key: string, path: string, error: unknown): ProblemError {
  const isMissing = error instanceof ProblemError && error.problem.code === 'file.missing';
  if (isMissing) return problem(code, `${key}: ${path} does not exist.`, 'Paths are relative to the config file.');
  const detail = error instanceof Error ? error.message : String(error);
  return problem('file.failed', `${key}: ${path} cannot be read. ${detail}`, 'Check the path and its permissions.');
}
