import { problem } from '../../../src/common/errors';

/** What a WeightLoRA run has become. */
export interface WeightloraStructure {
  /** Paths of the modules that still have an adapter. */
  readonly kept: readonly string[];
  readonly rank: number;
  /** The selected set is final. */
  readonly frozen: boolean;
}

/** The structure in a checkpoint; undefined where there is none. @throws `checkpoint.method` for anything else. */
export function readStructure(state: unknown): WeightloraStructure | undefined {
  if (state === undefined) return undefined;
  const { kept, rank, frozen } = (typeof state === 'object' && state !== null ? state : {}) as Record<string, unknown>;
  const paths = Array.isArray(kept) && kept.every(path => typeof path === 'string') ? kept : undefined;
  if (paths === undefined || !Number.isInteger(rank) || typeof frozen !== 'boolean')
    throw problem(
      'checkpoint.method',
      'method_state.json is not that of a WeightLoRA run.',
      'Resume from another checkpoint.',
    );
  return { kept: paths, rank: rank as number, frozen };
}
