import type { LintFacts } from './facts';
import { keyAt } from './keys';
import { offloadPlace, withOffload, type OffloadKind } from './offload';
import type { ConfigPath } from './range';
import { changeText } from './savings/weigh';
import type { RunConfig } from './schema';

/** What a memory key does to GPU memory, against the same config without it. */
export interface SavedHere {
  readonly path: ConfigPath;
  /** `−212 MiB`. */
  readonly text: string;
}

/** For each technique of `memory` that a config uses: the GPU bytes it saves here; one that cannot be planned is left out. */
export function savedHere(config: RunConfig, facts: LintFacts): SavedHere[] {
  const now = facts.forecast?.(config);
  if (now === undefined || 'problem' in now) return [];
  return techniques(config).flatMap(({ path, without }) => {
    const plan = facts.forecast?.(without);
    if (plan === undefined || 'problem' in plan) return [];
    return [{ path, text: changeText(now.total - plan.total) }];
  });
}

interface Technique {
  readonly path: ConfigPath;
  readonly without: RunConfig;
}

function techniques(config: RunConfig): Technique[] {
  const { memory } = config;
  const keys = (['quantization', 'gradient_checkpointing'] as const).filter(key => memory[key] !== 'none');
  const offloads = (keyAt(['memory', 'offload'])?.children ?? []).map(({ name }) => name as OffloadKind);
  return [
    ...keys.map(key => ({ path: ['memory', key], without: { ...config, memory: { ...memory, [key]: 'none' } } })),
    ...offloads
      .filter(kind => offloadPlace(config, kind) !== 'none')
      .map(kind => ({ path: ['memory', 'offload', kind], without: withOffload(config, kind, 'none') })),
  ];
}
