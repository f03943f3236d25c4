import * as vscode from 'vscode';
import { memorySchema } from '../common/config/sections/memory';
import type { RunConfig } from '../common/config/schema';
import { problem, ProblemError } from '../common/errors';
import { parentOf } from '../models/places';
import { resolveModelPlace, type ModelPlaces } from '../models/resolve';
import { findAdapter, namedBase, type FoundAdapter } from '../runs/adapterSource';
import { workspaceFiles } from '../runs/workspaceFiles';
import type { Services } from './services';
import { runIdsFrom } from './targets';

type Needs = Pick<Services, 'store' | 'extensionUri'>;

/** An adapter with the place that relative paths are looked up from. */
export interface AdapterToMerge extends FoundAdapter {
  readonly memory: RunConfig['memory'];
  /** Where the path of its base model starts: the folder of the run's config, or of the adapter. */
  readonly from: vscode.Uri;
  readonly workspaceFolder: vscode.Uri;
}

/** The adapter of the run, folder or `adapter_config.json` that the command names, or one that the person chooses. */
export async function adapterToMerge(services: Needs, args: readonly unknown[]): Promise<AdapterToMerge | undefined> {
  const [first] = args;
  if (first instanceof vscode.Uri) return fromFolder(first.path.endsWith('.json') ? parentOf(first) : first);
  const named = runIdsFrom(args.slice(0, 1)).at(0);
  return named === undefined ? choose(services) : fromRun(services, named);
}

/** The folder of the adapter's base model; asks for it where it is not found. `undefined` if the person cancelled. */
export async function baseFolder(
  { extensionUri }: Needs,
  adapter: AdapterToMerge,
): Promise<{ readonly uri: vscode.Uri; readonly label: string } | undefined> {
  const { from: base, workspaceFolder } = adapter;
  const label = adapter.manifest?.config.model ?? namedBase(adapter);
  const uri = label === undefined ? undefined : placeOf(label, { extensionUri, base, workspaceFolder });
  if (label !== undefined && uri && (await workspaceFiles(uri).stat('config.json'))) return { uri, label };
  const chosen = await vscode.window.showOpenDialog({
    title: label === undefined ? vscode.l10n.t('Where is the base model?') : vscode.l10n.t('Where is {0}?', label),
    openLabel: vscode.l10n.t('Use This Model'),
    canSelectFiles: false,
    canSelectFolders: true,
  });
  return chosen && { uri: chosen[0], label: label ?? chosen[0].path };
}

/** Adapters from elsewhere name models that need not be here. */
function placeOf(model: string, places: ModelPlaces): vscode.Uri | undefined {
  try {
    return resolveModelPlace(model, places).uri;
  } catch (error) {
    if (error instanceof ProblemError) return undefined;
    throw error;
  }
}

async function choose(services: Needs): Promise<AdapterToMerge | undefined> {
  const runs = services.store.runs.filter(
    ({ summary }) => summary.exported !== undefined && !['full', 'few-shot'].includes(summary.method),
  );
  const items = [
    ...runs.map(run => ({
      label: run.summary.name,
      description: run.summary.method,
      detail: new Date(run.summary.createdAt).toLocaleString(vscode.env.language),
      make: () => fromRun(services, run.id),
    })),
    {
      label: vscode.l10n.t('Adapter Folder…'),
      description: vscode.l10n.t('as PEFT saves it'),
      detail: undefined,
      make: chooseFolder,
    },
  ];
  const picked = await vscode.window.showQuickPick(items, { title: vscode.l10n.t('Merge which adapter?') });
  return picked?.make();
}

async function chooseFolder(): Promise<AdapterToMerge | undefined> {
  const chosen = await vscode.window.showOpenDialog({
    title: vscode.l10n.t('Which folder holds the adapter?'),
    openLabel: vscode.l10n.t('Merge This Adapter'),
    canSelectFiles: false,
    canSelectFolders: true,
  });
  return chosen && fromFolder(chosen[0]);
}

async function fromRun({ store }: Needs, id: string): Promise<AdapterToMerge> {
  const entry = store.find(id);
  if (!entry)
    throw problem('run.unknown', vscode.l10n.t('There is no run {0}.', id), vscode.l10n.t('Refresh the Runs view.'));
  const root = vscode.Uri.parse(entry.root.key);
  return placed(await findAdapter(entry.root.files, entry.folder), root, root);
}

async function fromFolder(folder: vscode.Uri): Promise<AdapterToMerge> {
  const found = await findAdapter(workspaceFiles(folder.with({ path: '/' })), folder.path.replace(/^\/+|\/+$/g, ''));
  return placed(found, folder, vscode.workspace.getWorkspaceFolder(folder)?.uri ?? folder);
}

/** A run's config path is relative to its workspace folder, or absolute. */
function placed(found: FoundAdapter, folder: vscode.Uri, workspaceFolder: vscode.Uri): AdapterToMerge {
  const { manifest } = found;
  const shared = { ...found, workspaceFolder, memory: manifest?.config.memory ?? memorySchema.parse({}) };
  if (!manifest) return { ...shared, from: folder };
  const { configPath } = manifest;
  const config = configPath.startsWith('/')
    ? workspaceFolder.with({ path: configPath })
    : vscode.Uri.joinPath(workspaceFolder, configPath);
  return { ...shared, from: parentOf(config) };
}
