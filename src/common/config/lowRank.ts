import type { TargetedMethod } from './facts';
import type { AdaloraConfig, LoraConfig, MethodConfig, WeightloraConfig } from './schema';
import type { Fix } from './edits';

/** A method that trains low-rank matrices beside linear layers: what its rules have in common. */
export interface LowRank {
  readonly method: LoraConfig | AdaloraConfig | WeightloraConfig;
  /** As people write it. */
  readonly name: 'LoRA' | 'AdaLoRA' | 'WeightLoRA';
  readonly rankKey: 'r' | 'init_r';
  /** Rank at the start; the scale is `lora_alpha` divided by it, whatever happens to ranks later. */
  readonly rank: number;
  /** How many times that a rank may become. */
  readonly growth: number;
  /** What selects modules, with the highest rank. */
  readonly targets: TargetedMethod;
}

/** The low-rank view of a method; undefined for methods of another kind. */
export function lowRankOf(method: MethodConfig): LowRank | undefined {
  if (method.type === 'lora') return { method, name: 'LoRA', rankKey: 'r', rank: method.r, growth: 1, targets: method };
  if (method.type === 'adalora') {
    const { init_r: rank, lora_alpha } = method;
    const targets = { ...placesOf(method), r: rank, lora_alpha };
    return { method, name: 'AdaLoRA', rankKey: 'init_r', rank, growth: 1, targets };
  }
  if (method.type !== 'weightlora') return undefined;
  const { r: rank, lora_alpha } = method;
  const growth = method.growth === 'none' ? 1 : 2 ** method.max_fat_steps;
  const targets = { ...placesOf(method), r: rank * growth, lora_alpha };
  return { method, name: 'WeightLoRA', rankKey: 'r', rank, growth, targets };
}

/** A preferred fix that keeps every rank at `highest` or below; AdaLoRA's target stays below its start. */
export function rankFix({ method, rankKey, growth }: LowRank, highest: number): Fix {
  const rank = Math.max(1, Math.floor(highest / growth));
  const edits = [{ op: 'set' as const, path: ['method', rankKey], value: rank }];
  if (method.type === 'adalora' && method.target_r >= rank)
    edits.push({ op: 'set', path: ['method', 'target_r'], value: Math.max(1, Math.floor(rank / 1.5)) });
  return { title: `Set ${rankKey} to ${rank}`, edits, preferred: true };
}

function placesOf({ target_modules, exclude_modules, layers_to_transform }: AdaloraConfig | WeightloraConfig) {
  return { target_modules, exclude_modules, layers_to_transform };
}
