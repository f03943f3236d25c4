import { z } from 'zod';
import { alsoTrainedFields } from './alsoTrained';
import { count } from './numbers';
import { targetFields } from './targets';

/** The keys of PEFT's `LoraConfig` that this project implements, with its names and defaults. */
export const loraFields = {
  adapter: z
    .string()
    .min(1)
    .optional()
    .meta({
      description:
        'Folder of an existing PEFT LoRA adapter to go on training (`adapter_config.json` and ' +
        '`adapter_model.safetensors`), relative to this config. Its rank, alpha and modules must match this config.',
      change: 'you continue earlier work instead of starting from a fresh adapter.',
      examples: ['adapters/first'],
    }),
  r: count()
    .default(8)
    .meta({
      description:
        'Rank of the update matrices: how many directions each adapted matrix can move in. ' +
        'Trainable parameters grow linearly with it.',
      change: 'the data carries more than the adapter can hold (16–64), or memory is tight and the task simple (1–4).',
      examples: [4, 8, 16],
    }),
  lora_alpha: z
    .number()
    .positive()
    .default(8)
    .meta({
      description:
        'Scale of the update: it is multiplied by `lora_alpha / r` (`lora_alpha / sqrt(r)` with `use_rslora`). ' +
        'With Adam it acts as a learning-rate factor on B.',
      change: 'you change `r`: keep `lora_alpha` at 32 or at 2·r, or the update shrinks as the rank grows.',
      examples: [16, 32],
    }),
  lora_dropout: z
    .number()
    .min(0)
    .max(0.95)
    .default(0)
    .meta({
      description: 'Probability of dropping an input of the LoRA branch in training; the frozen branch is untouched.',
      change: 'a small data set overfits: 0.05–0.1.',
      examples: [0, 0.05, 0.1],
    }),
  use_rslora: z.boolean().default(false).meta({
    description:
      'Rank-stabilised LoRA: scale by `lora_alpha / sqrt(r)` instead of `lora_alpha / r` (arXiv 2312.03732).',
    change: 'you use ranks of 64 and more; then set `lora_alpha` near `r`.',
  }),
  loraplus_lr_ratio: z
    .number()
    .positive()
    .optional()
    .meta({
      description:
        'LoRA+: learning rate of the B matrices divided by that of the A matrices (arXiv 2402.12354). ' +
        'Without it both use `learning_rate`.',
      change: 'convergence is slow on a task far from pretraining: 4–16, with a lower `learning_rate`.',
      examples: [4, 16],
    }),
  ...targetFields,
  ...alsoTrainedFields,
  rank_pattern: z
    .record(z.string(), count())
    .default({})
    .meta({
      description: 'Ranks that differ from `r`: module name, ending or regular expression → rank.',
      change: 'a narrow module (`k_proj` with few KV heads) cannot hold rank `r`, or one kind of module deserves more.',
      examples: [{ k_proj: 4 }],
    }),
  alpha_pattern: z
    .record(z.string(), z.number().positive())
    .default({})
    .meta({
      description: 'Alphas that differ from `lora_alpha`: module name, ending or regular expression → alpha.',
      change: 'you set `rank_pattern` and want the same scale `lora_alpha / r` everywhere.',
      examples: [{ k_proj: 4 }],
    }),
  init_lora_weights: z
    .union([z.boolean(), z.literal('gaussian')])
    .default(true)
    .meta({
      description:
        '`true`: A uniform (Kaiming, a = √5), B zero, so that step 0 is the base model; `gaussian`: A normal with ' +
        'standard deviation 1/r, B zero; `false`: B random too, for debugging.',
      change: 'you reproduce a run that used another initialisation.',
      examples: [true, 'gaussian'],
    }),
};
