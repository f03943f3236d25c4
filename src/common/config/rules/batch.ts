import type { Fix } from '../edits';
import type { ConfigPath } from '../range';
import { mib, setting, type LintContext, type Rule } from '../rule';
import { hasRoom } from '../verdict';

const accumulationPath = ['training', 'gradient_accumulation_steps'];
const batchPath = ['training', 'per_device_train_batch_size'];
const stepsPath = ['training', 'max_steps'];

/** A fix that changes the length of the experiment, which "fix all" leaves to the person. */
function choice(path: ConfigPath, value: number): Fix {
  return { ...setting(path, value), preferred: false };
}

/** The key that makes the batch large: accumulation where there is any. */
function batchKey({ config }: LintContext): readonly string[] {
  return config.training.gradient_accumulation_steps > 1 ? accumulationPath : batchPath;
}

/** Brings the effective batch down to `most`: accumulation first, for it costs no memory. */
function lowerBatch({ config }: LintContext, most: number): Fix {
  const micro = Math.min(config.training.per_device_train_batch_size, most);
  const accumulation = Math.max(1, Math.floor(most / micro));
  const edits = [
    ...(micro < config.training.per_device_train_batch_size
      ? [{ op: 'set' as const, path: batchPath, value: micro }]
      : []),
    ...(accumulation < config.training.gradient_accumulation_steps
      ? [{ op: 'set' as const, path: accumulationPath, value: accumulation }]
      : []),
  ];
  return { title: `Lower the effective batch to ${micro * accumulation}`, edits, preferred: true };
}

const largeBatch: Rule = {
  id: 'B01',
  severity: 'warning',
  title: 'A large batch with low-rank matrices',
  why:
    'LoRA loses more than full fine-tuning when the batch grows, because its update is a product of two matrices; a higher ' +
    'rank does not help. TRL reads the finding as at most 32 sequences.',
  advice: 'Keep the effective batch at 32 or less.',
  check: context => {
    const { effectiveBatch } = context.plan;
    if (context.lowRank === undefined || effectiveBatch <= 32) return [];
    const message = `The effective batch is ${effectiveBatch} rows; ${context.lowRank.name} learns less from batches above 32.`;
    return [{ path: batchKey(context), message, fixes: [lowerBatch(context, 32)] }];
  },
};

const lessThanABatch: Rule = {
  id: 'B03',
  severity: 'warning',
  title: 'Fewer rows than one batch',
  why: 'Every step then sees all of the data, and the batch is smaller than the config says.',
  advice: 'Lower the batch or the accumulation.',
  check: context => {
    const { rows, plan } = context;
    if (rows === undefined || rows === 0 || rows >= plan.effectiveBatch) return [];
    const message = `The effective batch is ${plan.effectiveBatch} rows, but there are only ${rows}.`;
    return [{ path: batchKey(context), message, fixes: [lowerBatch(context, rows)] }];
  },
};

const shortLastBatch: Rule = {
  id: 'B04',
  severity: 'info',
  title: 'The last batch of an epoch is short',
  why: 'The last optimizer step of each epoch averages over the few rows that are left, so they weigh more than the others.',
  advice: 'Choose a batch that leaves no small rest, or accept it.',
  check: context => {
    const { rows, plan } = context;
    const rest = (rows ?? 0) % plan.effectiveBatch;
    if (rows === undefined || rows < plan.effectiveBatch || rest === 0 || rest >= plan.effectiveBatch / 4) return [];
    const message = `The last step of each epoch has only ${rest} of ${plan.effectiveBatch} rows.`;
    return [{ path: batchKey(context), message }];
  },
};

const fewSteps: Rule = {
  id: 'B05',
  severity: 'warning',
  title: 'Fewer than 100 steps',
  why: 'Below about a hundred optimizer steps results depend more on the schedule than on the method (Tinker).',
  advice: 'Raise max_steps or the epochs, or make the batch smaller.',
  check: ({ config, plan }) => {
    if (plan.totalSteps === undefined || plan.totalSteps >= 100) return [];
    const byEpochs = config.training.max_steps === -1;
    const path = byEpochs ? ['training', 'num_train_epochs'] : stepsPath;
    return [{ path, message: `The run has only ${plan.totalSteps} optimizer steps.`, fixes: [choice(stepsPath, 100)] }];
  },
};

const manyEpochs: Rule = {
  id: 'B06',
  severity: 'warning',
  title: 'Many epochs on little data without evaluation',
  why: 'After five passes over fewer than a thousand rows the model repeats them by heart, and only an eval loss shows when.',
  advice: 'Add data.eval and load_best_model_at_end, or train for fewer epochs.',
  check: ({ config, rows, plan }) => {
    const { epochs, stepsPerEpoch } = plan;
    if (rows === undefined || rows >= 1000 || epochs === undefined || stepsPerEpoch === undefined) return [];
    if (epochs <= 5 || config.data.eval !== undefined) return [];
    const bySteps = config.training.max_steps > 0;
    const path = bySteps ? stepsPath : ['training', 'num_train_epochs'];
    const message = `${Number(epochs.toPrecision(3))} passes over ${rows} rows without evaluation: nobody sees when it overfits.`;
    return [{ path, message, fixes: [choice(path, bySteps ? 5 * stepsPerEpoch : 5)] }];
  },
};

const needlessAccumulation: Rule = {
  id: 'B07',
  severity: 'info',
  title: 'Accumulation although larger micro-batches fit',
  why:
    'Two micro-batches take longer than one of twice the size, and the result is the same. Offloaded parameters travel for each ' +
    'of them.',
  advice: 'Raise per_device_train_batch_size and lower gradient_accumulation_steps.',
  check: context => {
    const { config, plan } = context;
    const { gradient_accumulation_steps: accumulation, per_device_train_batch_size: batch } = config.training;
    if (accumulation === 1 || config.memory.budget_mib === undefined) return [];
    const larger = largestMicroBatch(context);
    if (larger === undefined) return [];
    const { micro, needed } = larger;
    const steps = plan.effectiveBatch / micro;
    const which =
      steps === 1 ? `All ${micro} rows of a step fit at once` : `${micro} rows fit at once in place of ${batch}`;
    const message = `${which}: ${mib(needed)} of ${config.memory.budget_mib} MiB.`;
    const edits = [
      { op: 'set' as const, path: batchPath, value: micro },
      { op: 'set' as const, path: accumulationPath, value: steps },
    ];
    const title = `Use a batch of ${micro} ${steps === 1 ? 'without accumulation' : `with ${steps} accumulation steps`}`;
    return [{ path: accumulationPath, message, fixes: [{ title, edits, preferred: true }] }];
  },
};

/** The largest micro-batch with room in the budget that is a part of the step's rows and larger than that of now. */
function largestMicroBatch({ config, facts, plan }: LintContext): { micro: number; needed: number } | undefined {
  const { training, memory } = config;
  for (let steps = 1; steps < training.gradient_accumulation_steps; steps++) {
    if (plan.effectiveBatch % steps !== 0) continue;
    const micro = plan.effectiveBatch / steps;
    const merged = { ...training, per_device_train_batch_size: micro, gradient_accumulation_steps: steps };
    const forecast = facts.forecast?.({ ...config, training: merged });
    if (forecast === undefined) return undefined;
    if (!('problem' in forecast) && hasRoom(forecast, memory)) return { micro, needed: forecast.total };
  }
  return undefined;
}

export const batchRules: readonly Rule[] = [
  largeBatch,
  lessThanABatch,
  shortLastBatch,
  fewSteps,
  manyEpochs,
  needlessAccumulation,
];
