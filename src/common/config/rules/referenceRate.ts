import type { ModelFacts } from '../facts';

/** Full fine-tuning of models with billions of weights. */
const usualRate = 2e-5;

/** Above it the network that makes virtual tokens is at risk at any width (Li and Liang use 5e-5, PEFT 1e-4). */
export const highestEncoderRate = 1e-3;

/**
 * Learning rates that suit full fine-tuning. `high` follows the width as tinker-cookbook's `hyperparam_utils.py` does for
 * Llama: 5e-5 · (2000 / d)^0.781; `low` is the usual rate where that is lower. Without a model both are the usual rate.
 * A rule that warns about a low rate uses `low`, one about a high rate `high`, so both keep to what is certain.
 */
export function fullReferenceRates(model: ModelFacts | undefined): { low: number; high: number } {
  if (model === undefined) return { low: usualRate, high: usualRate };
  const byWidth = 5e-5 * (2000 / model.hiddenSize) ** 0.781;
  return { low: Math.min(usualRate, byWidth), high: Math.max(usualRate, byWidth) };
}
