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
import { offloadRules } from './offload';
import { pathRules } from './paths';
import { promptRules } from './prompts';
import { quantizationRules } from './quantization';
import { ruledOutMemory, type RuledOut } from './ruledOut';
import { reproducibilityRules } from './reproducibility';
import { scheduleRules } from './schedule';
import { weightloraRules } from './weightlora';

interface RuleFamily {
  readonly title: string;
  readonly rules: readonly Rule[];
  /** Mistakes of other trainers that cannot be made here, so that no rule looks for them. */
  readonly ruledOut?: readonly RuledOut[];
}

/** Rules by family, in the order of the reference page. */
export const ruleFamilies: readonly RuleFamily[] = [
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
  { title: 'Memory and GPU', rules: [...memoryRules, ...offloadRules], ruledOut: ruledOutMemory },
  { title: 'Quantized base', rules: quantizationRules },
  { title: 'Reproducibility', rules: reproducibilityRules },
];

export const allRules: readonly Rule[] = ruleFamilies.flatMap(family => family.rules);
