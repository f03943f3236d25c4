import type { ModelFacts } from '../facts';
import { numberText } from '../numberText';
import { removal, roundRate, setting, type LintContext, type Rule } from '../rule';
import { fullReferenceRates } from './referenceRate';

const ratePath = ['training', 'learning_rate'];

/**
 * For LoRA and WeightLoRA, whose ω starts at 1: with B = 0 at the start and Adam, alpha is a factor on the learning rate of B, so η · α / 32 is what can be compared
 * between configs (α √r for rsLoRA); 32 is the alpha of the recipes the bounds come from. Not for AdaLoRA, whose A and B start at random.
 */
function comparableRate({ config }: LintContext): { rate: number; alpha: number } | undefined {
  const { method } = config;
  if (method.type !== 'lora' && method.type !== 'weightlora') return undefined;
  const isStabilised = method.type === 'lora' && method.use_rslora;
  const alpha = isStabilised ? method.lora_alpha * Math.sqrt(method.r) : method.lora_alpha;
  return { rate: (config.training.learning_rate * alpha) / 32, alpha };
}

const loraTooSlow: Rule = {
  id: 'L01',
  severity: 'warning',
  title: 'LoRA learning rate near that of full fine-tuning',
  why:
    'LoRA wants about ten times the rate of full fine-tuning (TRL "LoRA Without Regret", Tinker). The rate is compared as ' +
    'η · lora_alpha / 32 (times √r with rsLoRA) with the lower of two references for full fine-tuning: 2e-5, and ' +
    '5e-5 · (2000 / hidden size)^0.78. Below three times that reference the run mostly stands still.',
  advice: 'Multiply the rate by about ten, then try a third and three times that.',
  check: context => {
    const comparable = comparableRate(context);
    const { low } = fullReferenceRates(context.facts.model);
    if (comparable === undefined || comparable.rate >= 3 * low) return [];
    const wanted = roundRate((10 * low * 32) / comparable.alpha);
    const message =
      `learning_rate ${numberText(context.config.training.learning_rate)} with this lora_alpha is like full fine-tuning at ` +
      `${numberText(roundRate(comparable.rate))}; LoRA needs about ten times the ${numberText(roundRate(low))} that suits full fine-tuning.`;
    return [{ path: ratePath, message, fixes: [setting(ratePath, wanted)] }];
  },
};

const loraTooFast: Rule = {
  id: 'L02',
  severity: 'warning',
  title: 'LoRA learning rate where runs diverge',
  why:
    'Measured like L01, but against the higher reference: more than fifty times the rate of full fine-tuning ' +
    'makes losses jump (2e-4 at rank 256 diverged in paiml/aprender #2258).',
  advice: 'Lower the rate or lora_alpha, or add a warm-up.',
  check: context => {
    const comparable = comparableRate(context);
    const { high } = fullReferenceRates(context.facts.model);
    if (comparable === undefined || comparable.rate <= 50 * high) return [];
    const wanted = roundRate((10 * high * 32) / comparable.alpha);
    const message =
      `learning_rate ${numberText(context.config.training.learning_rate)} with this lora_alpha is more than fifty times what suits ` +
      `full fine-tuning (${numberText(roundRate(high))}); the loss may jump.`;
    return [{ path: ratePath, message, fixes: [setting(ratePath, wanted)] }];
  },
};

/** Five times the reference: 1e-4 for the usual 2e-5, and by width for models narrower than any the number comes from. */
function forgettingRate(model: ModelFacts | undefined): number {
  return model === undefined || model.hiddenSize >= 1000 ? 1e-4 : 5 * fullReferenceRates(model).high;
}

const fullTooFast: Rule = {
  id: 'L03',
  severity: 'warning',
  title: 'Full fine-tuning learning rate too high',
  why:
    'Full fine-tuning of models with billions of weights uses 1e-5 to 2e-5 (TRL, PEFT method comparison); from 1e-4 on, five ' +
    'times that, it forgets what it knew. Models narrower than 1000 bear more: five times 5e-5 · (2000 / hidden size)^0.78.',
  advice: 'Start at the reference rate and raise it only if the loss falls too slowly.',
  check: ({ config, facts }) => {
    const bound = forgettingRate(facts.model);
    const rate = config.training.learning_rate;
    if (config.method.type !== 'full' || rate < bound) return [];
    const message = `learning_rate ${numberText(rate)} is high for full fine-tuning of this model; from ${numberText(roundRate(bound))} on it forgets.`;
    return [{ path: ratePath, message, fixes: [setting(ratePath, roundRate(bound / 5))] }];
  },
};

const checkedNumbers: Rule = {
  id: 'L10',
  severity: 'error',
  title: 'Optimizer numbers out of range',
  why: 'AdamW needs a learning rate and an epsilon above 0 and betas from 0 to below 1 (torch refuses anything else).',
  advice: 'Remove the key to get the default.',
  // The schema holds these bounds, so the parser reports them under this id.
  check: () => [],
};

const decayOnLora: Rule = {
  id: 'L11',
  severity: 'info',
  title: 'Weight decay on LoRA matrices or virtual tokens',
  why:
    'Decay on A and B pulls the update to zero, towards the base model, and decay on a prefix or prompt pulls that to zero; ' +
    'neither is decay of the weights. QLoRA uses 0.',
  advice: 'Set weight_decay to 0.',
  check: ({ config, lowRank }) => {
    const path = ['training', 'weight_decay'];
    const isVirtual = 'num_virtual_tokens' in config.method;
    if ((lowRank === undefined && !isVirtual) || config.training.weight_decay === 0) return [];
    const pulled = isVirtual ? 'virtual tokens' : `${lowRank?.name} update`;
    const message = `weight_decay ${config.training.weight_decay} pulls the ${pulled} to zero, not the weights.`;
    return [{ path, message, fixes: [setting(path, 0)] }];
  },
};

const noClipping: Rule = {
  id: 'L12',
  severity: 'warning',
  title: 'No gradient clipping',
  why: 'One odd batch can throw the weights off. Recipes clip at 1.0 (nanoGPT, llm.c) or 0.3 (QLoRA).',
  advice: 'Set max_grad_norm to 1.',
  check: ({ config }) => {
    const path = ['training', 'max_grad_norm'];
    if (config.training.max_grad_norm > 0) return [];
    return [{ path, message: 'Gradients are not clipped; one odd batch can undo the run.', fixes: [setting(path, 1)] }];
  },
};

const loraPlusRatio: Rule = {
  id: 'L13',
  severity: 'warning',
  title: 'LoRA+ ratio below 1',
  why: 'LoRA+ trains B faster than A; PEFT documents the ratio as at least 1.',
  advice: 'Use 4 to 16, or remove the key for plain LoRA.',
  check: ({ lora }) => {
    const path = ['method', 'loraplus_lr_ratio'];
    const ratio = lora?.loraplus_lr_ratio;
    if (ratio === undefined || ratio >= 1) return [];
    const message = `loraplus_lr_ratio ${ratio} trains B slower than A; LoRA+ needs at least 1.`;
    return [{ path, message, fixes: [setting(path, 4), removal(path, false)] }];
  },
};

export const learningRateRules: readonly Rule[] = [
  loraTooSlow,
  loraTooFast,
  fullTooFast,
  checkedNumbers,
  decayOnLora,
  noClipping,
  loraPlusRatio,
];
