import type { ModelFacts } from './facts';
import { roundRate } from './rule';
import { fullReferenceRates, highestEncoderRate } from './rules/referenceRate';
import type { MethodConfig } from './schema';

/** Rates that suit virtual tokens at any width: they are keys, values or inputs themselves, not factors of weights. */
const prefixRate = { direct: 5e-3, projected: 1e-4 };
const promptsOfEveryBlock = 1e-2;
/** Houlsby's and P-tuning's networks: 3e-4 at a width of 1024, where full fine-tuning has 8.4e-5. */
const networkFactor = 3.5;
/** LoRA and what is built on it: ten times full fine-tuning at α / 32 = 1 (tinker-cookbook `hyperparam_utils.py`). */
const loraFactor = 10;

/**
 * A learning rate to start a method from: full fine-tuning by width ({@link fullReferenceRates}); LoRA, AdaLoRA and
 * WeightLoRA ten times that, less the factor that `lora_alpha` is with Adam (√r more with rsLoRA); bottleneck adapters
 * (3e-4, adapter-bert) and, up to 1e-3, the P-tuning encoder 3.5 times that; prefixes 5e-3 direct (PEFT's method comparison) and 1e-4
 * through a network; P-tuning v2 1e-2 (within the authors' 5e-3 to 3e-2). Undefined where nothing trains.
 */
export function recommendedRate(method: MethodConfig, model: ModelFacts | undefined): number | undefined {
  const full = fullReferenceRates(model).high;
  switch (method.type) {
    case 'full':
      return roundRate(full);
    case 'lora':
      return loraRate(full, method.use_rslora ? method.lora_alpha * Math.sqrt(method.r) : method.lora_alpha);
    case 'adalora':
    case 'weightlora':
      return loraRate(full, method.lora_alpha);
    case 'bottleneck':
      return roundRate(networkFactor * full);
    case 'p-tuning':
      return Math.min(highestEncoderRate, roundRate(networkFactor * full));
    case 'prefix':
      return method.prefix_projection ? prefixRate.projected : prefixRate.direct;
    case 'p-tuning-v2':
      return method.prefix_projection ? prefixRate.projected : promptsOfEveryBlock;
    case 'few-shot':
      return undefined;
  }
}

function loraRate(full: number, alpha: number): number {
  return roundRate((loraFactor * full * 32) / alpha);
}
