import * as vscode from 'vscode';
import { memorySchema } from '../common/config/sections/memory';
import { samplesSchema } from '../common/config/sections/samples';
import type { RunConfig } from '../common/config/schema';
import type { GenerationAdapter } from '../common/protocol';
import type { RunView } from '../common/run/view';
import { parentOf } from '../models/places';
import { readModel, resolveModelPlace } from '../models/resolve';
import type { ModelSource } from '../models/modelFolder';
import { joinPath } from '../runs/files';
import { readFileSet } from '../runs/fileSets';
import type { RunEntry } from '../runs/store';
import type { Services } from './services';

type Needs = Pick<Services, 'store' | 'engine' | 'extensionUri'>;

/** What a text can be completed with: a model, perhaps with the adapter of a run. */
export interface GenerationTarget {
  readonly label: string;
  readonly memory: RunConfig['memory'];
  readonly samples: RunConfig['samples'];
  readonly seed: number;
  readonly adapters: readonly GenerationAdapter[];
  /** Reads the model's files; weights get addresses of the engine's page. */
  readonly readModel: () => Promise<ModelSource>;
}

/** A run's result: its adapter on the base model, or, where every weight was trained, the model that it wrote. */
export async function runTarget(services: Needs, entry: RunEntry): Promise<GenerationTarget> {
  const view = await services.store.view(entry.id);
  const { config, name } = view.manifest;
  const shared = { label: name, memory: config.memory, samples: config.samples, seed: config.training.seed };
  const exported = joinPath(entry.folder, view.exported ?? '');
  if (config.method.type === 'full') {
    const folder = vscode.Uri.joinPath(vscode.Uri.parse(entry.root.key), exported);
    return { ...shared, adapters: [], readModel: () => readModel(name, folder, services.engine) };
  }
  const base = baseTarget(services, entry, view);
  if (config.method.type === 'few-shot') return { ...base, ...shared };
  const files = await readFileSet(entry.root.files, exported);
  return { ...base, ...shared, adapters: [{ name: `${entry.id}/${exported}`, files, weight: 1, config }] };
}

/** The base model of a run, as it was before the run. */
export function baseTarget(services: Needs, entry: RunEntry, { manifest }: RunView): GenerationTarget {
  const { config, configPath } = manifest;
  const workspaceFolder = vscode.Uri.parse(entry.root.key);
  const path = configPath.startsWith('/')
    ? workspaceFolder.with({ path: configPath })
    : vscode.Uri.joinPath(workspaceFolder, configPath);
  return modelTarget(services, config, { base: parentOf(path), workspaceFolder });
}

/** The model in the box, with default settings. */
export function builtinTarget(services: Needs): GenerationTarget {
  const folder = services.extensionUri;
  const settings = { memory: memorySchema.parse({}), samples: samplesSchema.parse({}), training: { seed: 42 } };
  return modelTarget(services, { model: 'builtin:tiny', ...settings }, { base: folder, workspaceFolder: folder });
}

type ModelSettings = Pick<RunConfig, 'model' | 'memory' | 'samples'> & { readonly training: { readonly seed: number } };

function modelTarget(
  { engine, extensionUri }: Needs,
  { model, memory, samples, training }: ModelSettings,
  places: { readonly base: vscode.Uri; readonly workspaceFolder: vscode.Uri },
): GenerationTarget {
  return {
    label: model,
    memory,
    samples,
    seed: training.seed,
    adapters: [],
    readModel: () => readModel(model, resolveModelPlace(model, { extensionUri, ...places }).uri, engine),
  };
}
