import { z } from 'zod';
import { alsoTrainedFields } from './alsoTrained';
import { count } from './numbers';
import { targetFields } from './targets';

/** WeightLoRA (arXiv 2506.02724): the keys of its authors' code, with LoRA's names where LoRA has them. */
export const weightloraFields = {
  adapter: z
    .string()
    .min(1)
    .optional()
    .meta({
      description:
        'Folder of an existing PEFT LoRA adapter to start from, relative to this config; every ω starts at 1. Its rank, ' +
        'alpha and modules must match this config.',
      change: 'you want to know which modules of an adapter you already have matter.',
      examples: ['adapters/first'],
    }),
  r: count()
    .default(8)
    .meta({
      description: 'Rank of each adapter; with `growth` the rank at the start.',
      change: 'few adapters are kept: what the others would have used can go into a higher rank.',
      examples: [4, 8],
    }),
  lora_alpha: z
    .number()
    .positive()
    .default(32)
    .meta({
      description: 'Scale of the update: ω · `lora_alpha / r`. It stays when the rank grows.',
      differs: "PEFT's LoRA has 8. The authors' scripts use 32.",
      change: 'you change `r` and want the same scale.',
      examples: [16, 32],
    }),
  lora_dropout: z.number().min(0).max(0.95).default(0).meta({
    description: "Probability of dropping an input of an adapter's branch in training.",
    change: 'a small data set overfits: 0.05–0.1.',
  }),
  ...targetFields,
  ...alsoTrainedFields,
  k: count()
    .optional()
    .meta({
      description:
        'Adapters that are kept: after each selection all but the best `k` have ω = 0. A quarter of them without it. ' +
        'Not used with `growth`, which halves their number each time.',
      change: 'you want a smaller adapter (lower), or the loss rises after the selection (higher).',
      examples: [7, 20],
    }),
  selection: z
    .enum(['omega', 'omega_norm'])
    .default('omega')
    .meta({
      description:
        "What ranks the adapters. `omega`: the signed ω, as in the authors' code (iterative hard thresholding); an adapter " +
        'with a strongly negative ω is dropped. `omega_norm`: |ω|·‖BA‖_F as a share of Σ‖BA‖_F, as the lecture tells it.',
      change: 'negative ω appear in the importance map.',
    }),
  lr_w: z
    .number()
    .positive()
    .default(5)
    .meta({
      description: 'Learning rate of ω, which plain SGD updates; it follows the same schedule as `learning_rate`.',
      change: 'ω swings between steps (lower), or hardly moves (higher).',
      examples: [1, 5],
    }),
  fat_step: count()
    .optional()
    .meta({
      description: 'Select, or grow, every this many optimizer steps. Without it 1, and 10 with `growth`.',
      change: 'a set that changes at every step unsettles the loss.',
      examples: [1, 10],
    }),
  selection_warmup_ratio: z
    .number()
    .min(0)
    .max(1)
    .default(0.1)
    .meta({
      description: 'Share of the steps before the first selection. Not used with `growth`.',
      differs:
        "The authors' code selects from the second step on (0), when ω has felt one gradient. A warm-up lets every " +
        'adapter show what it is worth.',
      change: 'you reproduce the authors: 0.',
    }),
  freeze_ratio: z
    .number()
    .min(0)
    .max(1)
    .default(0.5)
    .meta({
      description:
        'After this share of the steps the selected set is final: the memory of the dropped adapters is freed. Until ' +
        'then a dropped adapter can come back, because its ω still has a gradient. 1: never. Not used with `growth`.',
      differs: "The authors' code selects to the end (1) and never frees memory.",
      change: 'the set still changes when it is frozen (higher).',
    }),
  growth: z
    .enum(['none', 'smart', 'dummy'])
    .default('none')
    .meta({
      description:
        'WeightLoRA+: every `fat_step` steps the better half of the adapters is kept and their rank doubles, without ' +
        'changing what they compute. `smart` orthogonalises A first, so that the new directions are new; `dummy` only ' +
        'appends random ones.',
      change: 'you would rather spend the parameters on fewer modules with higher rank.',
    }),
  max_fat_steps: count()
    .default(2)
    .meta({
      description: 'How many times the rank doubles with `growth`; ω stands still afterwards.',
      change: 'the final rank `r` · 2^max_fat_steps should differ.',
      examples: [2, 3],
    }),
};
