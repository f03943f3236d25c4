import type { Transfer } from '../run/events';
import type { RunConfig } from './schema';

/** What can leave GPU memory between uses: the keys of `memory.offload`. */
export type OffloadKind = Transfer['kind'];
export type OffloadPlace = 'none' | 'cpu' | 'disk';

/** Where a config lets something wait. */
export function offloadPlace({ memory }: RunConfig, kind: OffloadKind): OffloadPlace {
  const places: Readonly<Partial<Record<OffloadKind, OffloadPlace>>> = memory.offload;
  return places[kind] ?? 'none';
}

/** A copy of a config that lets something wait elsewhere. */
export function withOffload(config: RunConfig, kind: OffloadKind, place: OffloadPlace): RunConfig {
  return { ...config, memory: { ...config.memory, offload: { ...config.memory.offload, [kind]: place } } };
}
