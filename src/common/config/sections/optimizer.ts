import { z } from 'zod';
import { countOrZero } from './numbers';

/** Learning rate, schedule and AdamW: part of the `training` section. */
export const optimizerFields = {
  learning_rate: z
    .number()
    .positive()
    .default(5e-5)
    .meta({
      description: 'Peak learning rate of AdamW, reached after the warm-up.',
      change:
        'always: full fine-tuning of a model with billions of weights wants 1e-5 to 5e-5, LoRA about ten times that ' +
        '(2e-4 to 1e-3), and small models more.',
      examples: [2e-5, 2e-4, 1e-3],
    }),
  lr_scheduler_type: z
    .enum(['linear', 'cosine', 'constant', 'constant_with_warmup'])
    .default('linear')
    .meta({
      description:
        "How the rate goes on after the warm-up, as transformers' `get_scheduler` computes it: `linear` and `cosine` " +
        'fall to 0 at the last step; `constant` has no warm-up either.',
      change: 'you do not know yet when to stop (`constant_with_warmup`).',
    }),
  warmup_steps: countOrZero()
    .default(0)
    .meta({
      description: 'Optimizer steps over which the rate rises linearly from 0 to `learning_rate`.',
      change: 'the first steps spike: 3–10 % of the run. Set this or `warmup_ratio`, not both.',
      examples: [10, 100],
    }),
  warmup_ratio: z
    .number()
    .min(0)
    .max(1)
    .default(0)
    .meta({
      description: 'Warm-up as a share of all optimizer steps, rounded up. Ignored when `warmup_steps` is not 0.',
      change: 'the first steps spike: 0.03–0.1.',
      examples: [0.05],
    }),
  weight_decay: z
    .number()
    .min(0)
    .default(0)
    .meta({
      description: 'AdamW weight decay, decoupled from the gradient. Biases and norm weights never decay.',
      change: 'full fine-tuning overfits: 0.01–0.1. On LoRA it pulls the update to zero, not the weights.',
      examples: [0, 0.01],
    }),
  adam_beta1: z.number().min(0).lt(1).default(0.9).meta({
    description: 'AdamW: decay of the mean of the gradients.',
    change: 'you reproduce a recipe that says so.',
  }),
  adam_beta2: z
    .number()
    .min(0)
    .lt(1)
    .default(0.999)
    .meta({
      description: 'AdamW: decay of the mean of the squared gradients.',
      change: 'runs are short or gradients jump: 0.95.',
      examples: [0.95, 0.999],
    }),
  adam_epsilon: z.number().positive().default(1e-8).meta({
    description: 'AdamW: added to the square root of the second moment so that the division is safe.',
    change: 'you reproduce a recipe that says so.',
  }),
  max_grad_norm: z
    .number()
    .min(0)
    .default(1)
    .meta({
      description: 'Gradients are scaled down so that their global 2-norm is at most this; 0 turns clipping off.',
      change: 'the loss jumps: 0.3.',
      examples: [0.3, 1],
    }),
};
