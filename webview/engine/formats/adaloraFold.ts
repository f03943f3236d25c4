import type { FileSet } from '../../../src/common/run/events';
import type { AdaloraAdapter, TripletTarget } from './adaloraAdapter';
import type { AdaloraOrigin, KeptTriplets } from './adaloraWriter';
import type { AdapterTarget, LoraAdapter } from './peftAdapter';
import { plainLora, writeLoraAdapter } from './peftAdapterWriter';

/** Plain LoRA factors of the same update. */
export interface FoldedTriplets {
  /** Rank and alpha are the kept triplets, so that LoRA's scale is 1; modules without any are left out. */
  readonly targets: readonly AdapterTarget[];
  /** By module path plus `.lora_A.weight` [r, in] or `.lora_B.weight` [out, r]. */
  readonly tensors: ReadonlyMap<string, Float32Array<ArrayBuffer>>;
}

/** Scale of AdaLoRA's update, with the rank it began with (`SVDLinear.get_delta_weight` in PEFT). */
export function adaloraScale({ init_r, lora_alpha }: { readonly init_r: number; readonly lora_alpha: number }): number {
  return lora_alpha / (init_r + 1e-5);
}

/** B' = scale·B·diag(E), A' = A: the same update as LoRA with scale 1. */
export function foldTriplets({ targets, tensors }: KeptTriplets, scale: number): FoldedTriplets {
  const folded = new Map<string, Float32Array<ArrayBuffer>>();
  const left: AdapterTarget[] = [];
  for (const { module, kept } of targets) {
    const [a, b, e] = ['A', 'B', 'E'].map(factor => tensors.get(`${module.path}.lora_${factor}`));
    const rank = rankOf({ module, kept });
    if (!a || !b || !e || rank === 0) continue;
    folded.set(`${module.path}.lora_A.weight`, new Float32Array(a));
    folded.set(
      `${module.path}.lora_B.weight`,
      Float32Array.from(b, (value, k) => scale * value * e[k % rank]),
    );
    left.push({ module, rank, alpha: rank });
  }
  return { targets: left, tensors: folded };
}

/** The adapter as the LoRA adapter it is equal to. */
export function foldAdapter(adapter: AdaloraAdapter): LoraAdapter {
  const { targets, tensors } = foldTriplets(adapter, adaloraScale(adapter.config));
  const config = { r: 1, lora_alpha: 1, use_rslora: false, rank_pattern: {}, alpha_pattern: {} };
  return { config, targets, tensors, base: adapter.base, warnings: adapter.warnings };
}

/** Kept triplets of a module. */
export function rankOf({ kept }: TripletTarget): number {
  return kept.filter(Boolean).length;
}

/** The adapter as plain LoRA, with `rank_pattern` and `alpha_pattern`; without files when no triplet is kept at all. */
export function writeFoldedAdapter({ config, model, modelName, base }: AdaloraOrigin, kept: KeptTriplets): FileSet {
  const { targets, tensors: folded } = foldTriplets(kept, adaloraScale(config));
  if (targets.length === 0) return {};
  const { target_r: rank, lora_dropout: dropout } = config;
  // `all-linear` is resolved to what is targeted, so that modules of rank 0 stay out.
  const { modules_to_save, bias } = config;
  const plain = { ...plainLora({ rank, alpha: rank, dropout, modules: 'all-linear' }), modules_to_save, bias };
  const tensors = new Map([...kept.tensors, ...folded]);
  return writeLoraAdapter({ config: plain, model, modelName, targets, base, tensors });
}
