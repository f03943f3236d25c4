import { removal, setting, type Finding, type LintContext, type Rule } from '../rule';

/** `constant` has no warm-up, so its warm-up keys do nothing. */
function warms({ config }: LintContext): boolean {
  return config.training.lr_scheduler_type !== 'constant';
}

const warmupTooLong: Rule = {
  id: 'L06',
  severity: 'error',
  title: 'The warm-up is as long as the run',
  why: 'The rate rises over the whole run and never reaches learning_rate; nothing is left to decay.',
  advice: 'Warm up for 3–10 % of the steps.',
  check: context => {
    const { totalSteps, warmupSteps } = context.plan;
    if (!warms(context) || totalSteps === undefined || warmupSteps === undefined) return [];
    if (warmupSteps === 0 || warmupSteps < totalSteps) return [];
    const bySteps = context.config.training.warmup_steps > 0;
    const path = ['training', bySteps ? 'warmup_steps' : 'warmup_ratio'];
    const message = `The warm-up takes ${warmupSteps} steps, but the run has only ${totalSteps}.`;
    const wanted = bySteps ? Math.floor(totalSteps / 20) : 0.05;
    return [{ path, message, fixes: [setting(path, totalSteps === 1 ? 0 : wanted)] }];
  },
};

const twoWarmups: Rule = {
  id: 'L07',
  severity: 'error',
  title: 'Two ways to say how long the warm-up is',
  why: 'With both set, warmup_steps wins and warmup_ratio is ignored without a word.',
  advice: 'Keep one of the two.',
  check: ({ config }) => {
    const { warmup_steps: steps, warmup_ratio: ratio } = config.training;
    if (steps === 0 || ratio === 0) return [];
    const message = `warmup_steps ${steps} overrides warmup_ratio ${ratio}.`;
    const fixes = [removal(['training', 'warmup_ratio']), removal(['training', 'warmup_steps'], false)];
    return [{ path: ['training', 'warmup_ratio'], message, fixes }];
  },
};

const shortLora: Rule = {
  id: 'L08',
  severity: 'info',
  title: 'A short LoRA run',
  why: 'In runs of fewer than 100 steps LoRA wants nearer to fifteen times the rate of full fine-tuning than ten (Tinker).',
  advice: 'Train for 100 steps or more, or raise the rate by half.',
  // AdaLoRA's singular values start at zero beside random A and B, so the finding says nothing about it.
  check: ({ config: { method }, plan }) => {
    const isLora = method.type === 'lora' || method.type === 'weightlora';
    if (!isLora || plan.totalSteps === undefined || plan.totalSteps >= 100) return [];
    const message = `With only ${plan.totalSteps} steps LoRA wants a rate about half as high again.`;
    return [{ path: ['training', 'learning_rate'], message }];
  },
};

const bestNeedsCheckpoints: Rule = {
  id: 'S01',
  severity: 'error',
  title: 'The best checkpoint cannot be found',
  why:
    'The best checkpoint is picked among those with an eval loss: that needs eval_steps, and save_steps that are a ' +
    'multiple of it (TrainingArguments refuses anything else).',
  advice: 'Evaluate and save at the same steps.',
  check: ({ config }) => {
    const { load_best_model_at_end: best, eval_steps: evalSteps, save_steps: saveSteps } = config.training;
    if (!best || config.data.eval === undefined) return [];
    if (evalSteps === undefined) {
      const message = 'load_best_model_at_end needs eval_steps: without evaluations no checkpoint is the best.';
      const fixes = saveSteps > 0 ? [setting(['training', 'eval_steps'], saveSteps)] : [];
      return [{ path: ['training', 'load_best_model_at_end'], message, fixes }];
    }
    if (saveSteps > 0 && saveSteps % evalSteps === 0) return [];
    const message = `Checkpoints every ${saveSteps} steps do not meet evaluations every ${evalSteps}; none would have an eval loss.`;
    return [{ path: ['training', 'save_steps'], message, fixes: [setting(['training', 'save_steps'], evalSteps)] }];
  },
};

const intervalTooLong: Rule = {
  id: 'S02',
  severity: 'warning',
  title: 'An interval longer than the run',
  why: 'An evaluation interval beyond the last step leaves only the evaluations at the start and the end.',
  advice: 'A tenth of the run is a good interval.',
  check: ({ config, plan }) => {
    const path = ['training', 'eval_steps'];
    const { eval_steps: steps } = config.training;
    if (steps === undefined || plan.totalSteps === undefined || steps <= plan.totalSteps) return [];
    const message = `eval_steps is ${steps}, but the run has only ${plan.totalSteps} steps.`;
    return [{ path, message, fixes: [setting(path, Math.max(1, Math.floor(plan.totalSteps / 10)))] }];
  },
};

const unseenPrompts: Rule = {
  id: 'S03',
  severity: 'warning',
  title: 'Sample prompts that are never completed',
  why: 'Prompts are completed at each evaluation; without eval_steps there is none.',
  advice: 'Set eval_steps.',
  check: ({ config }) => {
    if (config.samples.prompts.length === 0 || config.training.eval_steps !== undefined) return [];
    // A run of few-shot prompting is one evaluation.
    if (config.method.type === 'few-shot') return [];
    const message = 'These prompts are completed at evaluations, but eval_steps is not set.';
    return [{ path: ['samples', 'prompts'], part: 'key', message, fixes: [setting(['training', 'eval_steps'], 50)] }];
  },
};

const constantWithoutWarmup: Rule = {
  id: 'S04',
  severity: 'warning',
  title: 'The schedule has no warm-up',
  why: "The schedule `constant` ignores the warm-up, as transformers' get_scheduler does.",
  advice: 'Use constant_with_warmup, or remove the warm-up.',
  check: context => {
    const { warmup_steps: steps, warmup_ratio: ratio } = context.config.training;
    if (warms(context) || (steps === 0 && ratio === 0)) return [];
    const key = steps > 0 ? 'warmup_steps' : 'warmup_ratio';
    const fix = setting(['training', 'lr_scheduler_type'], 'constant_with_warmup');
    const finding: Finding = {
      path: ['training', key],
      message: `${key} has no effect with lr_scheduler_type constant.`,
    };
    return [{ ...finding, fixes: [fix, removal(['training', key], false)] }];
  },
};

export const scheduleRules: readonly Rule[] = [
  warmupTooLong,
  twoWarmups,
  shortLora,
  bestNeedsCheckpoints,
  intervalTooLong,
  unseenPrompts,
  constantWithoutWarmup,
];
