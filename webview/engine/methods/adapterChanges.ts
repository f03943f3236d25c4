import type { FileSet } from '../../../src/common/run/events';
import { readAdaloraAdapter } from '../formats/adaloraAdapter';
import { readBottleneckAdapter } from '../formats/adaptersLibrary';
import { peftType, readLoraAdapter } from '../formats/peftAdapter';
import { prefixType, promptType } from '../formats/promptAdapter';
import { moduleCatalog, tensorCatalog } from '../model/catalog';
import type { ModelConfig } from '../model/config';
import { adaloraChanges } from './adaloraMerge';
import { residualChanges } from './bottleneckMerge';
import { loraFileChanges, type WeightChanges } from './merge';
import { virtualChanges } from './virtualTokens';

/**
 * What the adapter in a folder makes of the weights of `model`, whichever method trained it.
 * @throws `adapter.*` for files that cannot be used, `merge.*` with the reason for what cannot be merged (rule X09).
 */
export function adapterChanges(files: FileSet, model: ModelConfig): WeightChanges {
  const type = peftType(files);
  if (type === prefixType) return virtualChanges('prefix');
  if (type === promptType) return virtualChanges('prompt');
  if (type === 'ADALORA')
    return adaloraChanges(readAdaloraAdapter(files, moduleCatalog(model), tensorCatalog(model)), model);
  if (type !== undefined)
    return loraFileChanges(readLoraAdapter(files, moduleCatalog(model), tensorCatalog(model)), model);
  return residualChanges(readBottleneckAdapter(files, model));
}
