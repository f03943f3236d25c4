import type { RunConfig } from '../../../src/common/config/schema';

type Training = RunConfig['training'];

/**
 * Warm-up length as `TrainingArguments.get_warmup_steps` decides it: `warmup_steps` where it is positive, else the
 * ratio of all steps, rounded up.
 */
export function warmupSteps(training: Pick<Training, 'warmup_steps' | 'warmup_ratio'>, totalSteps: number): number {
  return training.warmup_steps > 0 ? training.warmup_steps : Math.ceil(totalSteps * training.warmup_ratio);
}

/**
 * Learning rate of optimizer step `step` (counted from 1), as the lambdas of transformers' `optimization.py` give it:
 * their counter is the number of finished steps, `step - 1`.
 */
export function learningRate(training: Training, totalSteps: number, step: number): number {
  const warmup = warmupSteps(training, totalSteps);
  return training.learning_rate * factor(training.lr_scheduler_type, step - 1, warmup, totalSteps);
}

function factor(type: Training['lr_scheduler_type'], done: number, warmup: number, total: number): number {
  if (type === 'constant') return 1;
  if (done < warmup) return done / Math.max(1, warmup);
  if (type === 'constant_with_warmup') return 1;
  if (type === 'linear') return Math.max(0, (total - done) / Math.max(1, total - warmup));
  const progress = (done - warmup) / Math.max(1, total - warmup);
  return Math.max(0, 0.5 * (1 + Math.cos(Math.PI * progress)));
}
