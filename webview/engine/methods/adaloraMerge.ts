import type { AdaloraAdapter } from '../formats/adaloraAdapter';
import { adaloraScale, foldTriplets } from '../formats/adaloraFold';
import type { ModelConfig } from '../model/config';
import { loraUpdates } from './merge';

/**
 * ΔW = s·B·diag(E)·A of each module that has triplets left (PEFT's `SVDLinear.get_delta_weight`), transposed for Conv1D;
 * for `mergeWeights`.
 * @throws `merge.tied` for an output head that shares the embedding.
 */
export function adaloraUpdates(adapter: AdaloraAdapter, model: ModelConfig): Map<string, Float32Array> {
  const { targets, tensors } = foldTriplets(adapter, adaloraScale(adapter.config));
  const modules = targets.map(target => ({
    ...target,
    scale: 1,
    nameA: `${target.module.path}.lora_A.weight`,
    nameB: `${target.module.path}.lora_B.weight`,
  }));
  return loraUpdates(modules, model, tensors);
}
