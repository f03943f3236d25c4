import type { WeightloraConfig } from '../../../src/common/config/schema';

/** When a WeightLoRA run selects, freezes and grows. Steps are optimizer steps, from 1. */
export interface WeightloraSchedule {
  /** Adapters kept by a selection. */
  readonly keep: number;
  /** Whether all but the best `keep` get ω = 0 after this step. */
  readonly selectsAt: (step: number) => boolean;
  /** Whether the selected set becomes final after this step. */
  readonly freezesAt: (step: number) => boolean;
  /** Whether the ranks of the better half double after this step. */
  readonly growsAt: (step: number) => boolean;
  /** AdamW's own step number, 0 where it stands still, and whether ω moves. */
  readonly clock: (step: number) => { readonly adam: number; readonly sgd: number };
}

/**
 * Without growth the rules of `WeightAdamW`, with growth those of `FatAdamW` (brain-mmo-lab/WLoRA, src/optimizers.py):
 * a growing step updates no A and B, restarts Adam's moments and its step count, and halves the set; ω moves until the
 * last growth. Warm-up and freezing are the paper's two phases (arXiv 2506.02724), which the code does not have.
 */
export function weightloraSchedule(config: WeightloraConfig, adapters: number, totalSteps: number): WeightloraSchedule {
  const { growth } = config;
  const every = config.fat_step ?? (growth === 'none' ? 1 : 10);
  if (growth !== 'none') return growing(config, adapters, every);
  const first = Math.floor(totalSteps * config.selection_warmup_ratio);
  const last = config.freeze_ratio >= 1 ? Infinity : Math.max(first + 1, Math.floor(totalSteps * config.freeze_ratio));
  return {
    keep: Math.min(adapters, config.k ?? Math.max(1, Math.floor(adapters / 4))),
    selectsAt: step => step === last || (step > first && step < last && step % every === 0),
    freezesAt: step => step === last,
    growsAt: () => false,
    clock: step => ({ adam: step, sgd: 1 }),
  };
}

function growing({ max_fat_steps: times }: WeightloraConfig, adapters: number, every: number): WeightloraSchedule {
  const last = times * every;
  const growsAt = (step: number): boolean => step <= last && step % every === 0;
  return {
    keep: Math.max(1, adapters >> times),
    selectsAt: () => false,
    freezesAt: () => false,
    growsAt,
    clock: step => ({
      adam: growsAt(step) ? 0 : step - Math.min(Math.floor((step - 1) / every), times) * every,
      sgd: step <= last ? 1 : 0,
    }),
  };
}
