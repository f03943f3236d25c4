import { GraphBuilder, type TensorTable } from '../graph/builder';
import { record } from '../graph/record';
import { idRange, type Program } from '../graph/recorder';
import { buildModel, buildPreload, type BuiltModel } from '../model/build';
import type { EngineSpec } from './programs';

/**
 * Programs that run the model. `generate` is a full pass over a text for its next token; `prefill` and `decode` take
 * several and one new token and find the earlier ones in the cache.
 */
export type ModelProgram = 'train' | 'evaluate' | 'generate' | 'prefill' | 'decode';

/** Each program has its own range of ids, apart from those of the optimizer (9), of importance (10) and after the update (18). */
const ranges: Record<ModelProgram | 'preload', number> = {
  train: 2,
  evaluate: 4,
  generate: 6,
  prefill: 12,
  decode: 14,
  preload: 16,
};

export interface RecordedModel {
  readonly program: Program;
  readonly model: BuiltModel;
}

/** Records one model program for a stream of `S` tokens. Same names, same ids, whatever S. */
export function recordModel(spec: EngineSpec, table: TensorTable, name: ModelProgram, S: number): RecordedModel {
  const base = ranges[name] * idRange;
  const graph = new GraphBuilder(table, base);
  const { model: config, method, storage, limits, longest, profile, cache, checkpointing } = spec;
  const cached = name === 'prefill' || name === 'decode';
  const model = buildModel({
    graph,
    config,
    method,
    S,
    storage,
    limits,
    longest,
    goal: cached || name === 'generate' ? 'logits' : 'loss',
    cacheRows: cached ? cache?.rows : undefined,
    placeholders: name !== 'decode',
    tablesTakeTurns: (spec.offload?.parameters ?? 'none') !== 'none',
    observed: cached && cache?.observed === true,
  });
  const mode = name === 'train' ? 'train' : 'evaluate';
  const parksInputs = checkpointing === 'block' && (spec.offload?.activations ?? 'none') !== 'none';
  return { program: record(graph, { mode, profile, checkpointing, parksInputs, firstId: base + idRange }), model };
}

/** Records what fills the first rows of the cache with the method's prefix; empty when it has none. */
export function recordPreload({ method, model, profile, cache }: EngineSpec, table: TensorTable): Program {
  const base = ranges.preload * idRange;
  const graph = new GraphBuilder(table, base);
  if (cache) buildPreload(graph, model, method, cache.rows);
  return record(graph, { mode: 'evaluate', profile, firstId: base + idRange });
}
