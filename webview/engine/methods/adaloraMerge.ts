import type { AdaloraAdapter } from '../formats/adaloraAdapter';
import { foldAdapter } from '../formats/adaloraFold';
import type { ModelConfig } from '../model/config';
import { loraFileChanges, type WeightChanges } from './merge';

/**
 * W + s·B·diag(E)·A for each module that has triplets left (PEFT's `SVDLinear.get_delta_weight`), transposed for Conv1D.
 * Throws what `loraChanges` throws.
 */
export function adaloraChanges(adapter: AdaloraAdapter, model: ModelConfig): WeightChanges {
  return loraFileChanges(foldAdapter(adapter), model);
}
