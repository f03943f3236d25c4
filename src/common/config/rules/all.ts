import type { Rule } from '../rule';
import { adaloraRules } from './adalora';
import { adapterRules } from './adapters';
import { batchRules } from './batch';
import { dataRules } from './data';
import { fewShotRules } from './fewShot';
import { learningRateRules } from './learningRate';
import { lengthRules } from './length';
import { loraStructureRules } from './loraStructure';
import { loraTargetRules } from './loraTargets';
import { memoryRules } from './memory';
import { pathRules } from './paths';
import { promptRules } from './prompts';
import { quantizationRules } from './quantization';
import { reproducibilityRules } from './reproducibility';
import { scheduleRules } from './schedule';
import { weightloraRules } from './weightlora';

/** Rules by family, in the order of the reference page. */
export const ruleFamilies: readonly { readonly title: string; readonly rules: readonly Rule[] }[] = [
  { title: 'Files and paths', rules: pathRules },
  { title: 'Data and labels', rules: dataRules },
  { title: 'Length', rules: lengthRules },
  { title: 'Learning rate', rules: learningRateRules },
  { title: 'Schedule and checkpoints', rules: scheduleRules },
  { title: 'LoRA targets', rules: loraTargetRules },
  { title: 'LoRA rank and scale', rules: loraStructureRules },
  { title: 'AdaLoRA', rules: adaloraRules },
  { title: 'WeightLoRA', rules: weightloraRules },
  { title: 'Bottleneck adapters', rules: adapterRules },
  { title: 'Prefixes and prompts', rules: promptRules },
  { title: 'Few-shot prompting', rules: fewShotRules },
  { title: 'Batch and steps', rules: batchRules },
  { title: 'Memory and GPU', rules: memoryRules },
  { title: 'Quantized base', rules: quantizationRules },
  { title: 'Reproducibility', rules: reproducibilityRules },
];

export const allRules: readonly Rule[] = ruleFamilies.flatMap(family => family.rules);
