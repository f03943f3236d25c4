/** The host's door to merging: an adapter becomes part of its base model's weights, file by file, without a GPU. */
import type { RunConfig } from '../../src/common/config/schema';
import { problem } from '../../src/common/errors';
import type { FileSet } from '../../src/common/run/events';
import { configAsF32 } from './formats/fullModel';
import { adapterChanges } from './methods/adapterChanges';
import { tensorCatalog } from './model/catalog';
import { parseModelConfig } from './model/config';
import { mergedFile, type MergeInto, type MergePlan } from './model/mergedFile';
import { baseStorage } from './model/storage';

export type { MergeInto };

export interface MergeRequest {
  /** Text of the base model's `config.json`, and how the person named the model. */
  readonly config: string;
  readonly label: string;
  readonly adapter: FileSet;
  /** Memory settings of the run that trained the adapter. */
  readonly memory: RunConfig['memory'];
  readonly into: MergeInto;
  /** `base`: weights keep the type that they have in their file; `f32`: nothing is rounded. */
  readonly dtype: MergePlan['dtype'];
}

/** A merge under way: weight files go in one after another. */
export interface ModelMerge {
  /** Weights of the model. {@link shard} yields once for each. */
  readonly tensors: number;
  /** Text of the merged model's `config.json`. */
  readonly config: string;
  /** The merged form of a weight file; it may be `bytes` themselves, changed. See `mergedFile` for what it throws. */
  shard(name: string, bytes: Uint8Array): Generator<void, Uint8Array>;
  /** Throws `model.missing` for a weight that was in none of the files. */
  finish(): void;
}

/**
 * Reads and checks an adapter for a model.
 * @throws `model.*` for a config that cannot be used, `adapter.*` for an adapter that is broken or of another model,
 * `merge.*` with the reason for one that cannot be merged.
 */
export function openMerge(request: MergeRequest): ModelMerge {
  const { config, label, adapter, memory, into, dtype } = request;
  const model = parseModelConfig(config, `${label}/config.json`);
  const met = new Map<string, string>();
  const changes = adapterChanges(adapter, model);
  const plan: MergePlan = { model, storage: baseStorage(memory), into, changes, dtype, met };
  const catalog = tensorCatalog(model);
  return {
    tensors: catalog.length,
    config: dtype === 'f32' ? configAsF32(config) : config,
    shard: (name, bytes) => mergedFile(name, bytes, plan),
    finish: () => {
      const missing = catalog.find(({ name }) => !met.has(name));
      if (missing)
        throw problem(
          'model.missing',
          `The weight ${missing.name} [${missing.shape.join(', ')}] is in no weight file of ${label}.`,
          'Check that config.json belongs to these weights and that all shards are there.',
        );
    },
  };
}
