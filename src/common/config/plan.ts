import type { RunConfig } from './schema';

/** The optimizer steps of a run, counted as transformers' Trainer counts them. */
export interface StepPlan {
  /** Rows per optimizer step. */
  readonly effectiveBatch: number;
  /** Undefined where the number of training rows is unknown. */
  readonly stepsPerEpoch?: number;
  readonly totalSteps?: number;
  readonly epochs?: number;
  readonly warmupSteps?: number;
}

/** Steps that `config` takes over `rows` training rows; unknown where nothing trains. */
export function stepPlan(config: RunConfig, rows?: number): StepPlan {
  const { training } = config;
  const trains = config.method.type !== 'few-shot';
  const effectiveBatch = training.per_device_train_batch_size * training.gradient_accumulation_steps;
  const stepsPerEpoch =
    rows === undefined || rows === 0 || !trains
      ? undefined
      : Math.ceil(Math.ceil(rows / training.per_device_train_batch_size) / training.gradient_accumulation_steps);
  const byEpochs = stepsPerEpoch === undefined ? undefined : Math.ceil(training.num_train_epochs * stepsPerEpoch);
  const totalSteps = training.max_steps > 0 && trains ? training.max_steps : byEpochs;
  const epochs = stepsPerEpoch === undefined || totalSteps === undefined ? undefined : totalSteps / stepsPerEpoch;
  return { effectiveBatch, stepsPerEpoch, totalSteps, epochs, warmupSteps: warmupSteps(config, totalSteps) };
}

function warmupSteps({ training }: RunConfig, totalSteps: number | undefined): number | undefined {
  if (training.warmup_steps > 0 || training.warmup_ratio === 0) return training.warmup_steps;
  return totalSteps === undefined ? undefined : Math.ceil(totalSteps * training.warmup_ratio);
}
