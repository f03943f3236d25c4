import { z } from 'zod';
import { alsoTrainedFields } from './alsoTrained';
import { count, countOrZero } from './numbers';
import { targetFields } from './targets';

/** When ranks are given out, in optimizer steps. */
const scheduleFields = {
  tinit: countOrZero()
    .default(0)
    .meta({
      description:
        'Optimizer steps at the start without pruning. Scores need them: at step 0 they come from random matrices.',
      change: 'always: 10 % of the run is usual (the reference scripts take 9–18 %).',
      examples: [20, 100],
    }),
  tfinal: countOrZero()
    .default(0)
    .meta({
      description: 'Optimizer steps at the end with the ranks that are then left: the choice no longer changes.',
      change: 'always: 40–50 % of the run (the reference scripts for GLUE take 44–58 %).',
      examples: [90, 450],
    }),
  deltaT: count()
    .default(1)
    .meta({
      description:
        'Optimizer steps from one allocation of ranks to the next. In between, pruned triplets train along and may earn ' +
        'their way back.',
      change: 'runs are long: the window between `tinit` and `tfinal` should hold at least 50 allocations.',
      examples: [1, 10, 100],
    }),
  total_step: count()
    .optional()
    .meta({
      description: 'Optimizer steps that the schedule of the budget is made for. Without it: those of the run.',
      differs: 'PEFT asks for it, because it does not know how long the run is.',
      change: 'never, unless a config from elsewhere has it; then it must be the number of steps of the run.',
      examples: [1000],
    }),
};

/** How a triplet is judged. */
const scoreFields = {
  beta1: z
    .number()
    .gt(0)
    .lt(1)
    .default(0.85)
    .meta({
      description: 'Decay of the running mean of the sensitivity |p·∂L/∂p| of each trained number.',
      change: 'scores jump from step to step: closer to 1.',
      examples: [0.85],
    }),
  beta2: z
    .number()
    .gt(0)
    .lt(1)
    .default(0.85)
    .meta({
      description: 'Decay of the running mean of the uncertainty, how far the sensitivity strays from its mean.',
      change: 'you reproduce a recipe that says so.',
      examples: [0.85],
    }),
  orth_reg_weight: z
    .number()
    .min(0)
    .default(0.5)
    .meta({
      description:
        'Weight of the penalty that keeps the rows of A and the columns of B orthonormal: γ · mean ‖AAᵀ − I‖_F over all ' +
        'A and B, without a square as in PEFT (the paper squares it). Once per optimizer step; shown as `orthogonality`, ' +
        'not in the loss.',
      change: "you reproduce the authors' scripts: 0.1 (0.3 for RTE and STS-B).",
      examples: [0.1, 0.5],
    }),
};

/** The keys of PEFT's `AdaLoraConfig` that this project implements, with its names and defaults. */
export const adaloraFields = {
  adapter: z
    .string()
    .min(1)
    .optional()
    .meta({
      description:
        'Folder of an existing PEFT AdaLoRA adapter to go on training (`adapter_config.json` with `peft_type` ADALORA and ' +
        '`adapter_model.safetensors`), relative to this config. Modules go on with the ranks it has; `init_r` and ' +
        '`lora_alpha` must match, because they set its scale.',
      change: 'you continue earlier work instead of starting from fresh triplets.',
      examples: ['adapters/first'],
    }),
  init_r: count()
    .default(12)
    .meta({
      description:
        'Triplets (a singular value with its two vectors) that each adapted matrix starts with. Trainable parameters and ' +
        'memory follow it to the end: pruned triplets are switched off, not removed.',
      change: 'you change `target_r`: 1.5 times that.',
      examples: [6, 12],
    }),
  target_r: count()
    .default(8)
    .meta({
      description:
        'Average rank at the end. The budget falls from `init_r` to this many triplets per matrix; which matrix keeps how ' +
        'many is decided by their scores. The budget counts triplets, not parameters.',
      change: 'the adapter should be smaller (2–4), or the task needs more (16).',
      examples: [4, 8],
    }),
  r: count()
    .optional()
    .meta({
      description: 'Has no effect, as in PEFT: AdaLoRA starts from `init_r` and ends at `target_r`.',
      change: 'never; remove it.',
      examples: [8],
    }),
  lora_alpha: z
    .number()
    .positive()
    .default(8)
    .meta({
      description:
        'Scale of the update: it is multiplied by `lora_alpha / (init_r + 1e-5)`, also after pruning (PEFT keeps the rank ' +
        'it began with in the scale).',
      change: 'you raise `init_r`: keep `lora_alpha` at 32 or at `init_r` and more.',
      examples: [12, 32],
    }),
  lora_dropout: z
    .number()
    .min(0)
    .max(0.95)
    .default(0)
    .meta({
      description: 'Probability of dropping an input of the adapter in training; the frozen branch is untouched.',
      change: 'a small data set overfits: 0.05–0.1.',
      examples: [0, 0.05, 0.1],
    }),
  ...scheduleFields,
  ...scoreFields,
  ...targetFields,
  ...alsoTrainedFields,
  export_format: z
    .enum(['adalora', 'lora'])
    .default('adalora')
    .meta({
      description:
        'What the adapter folder itself holds; the other form lies in a folder inside it, named after it. `adalora`: the ' +
        "kept triplets as PEFT's ADALORA. `lora`: the singular values folded into B, each module with the rank it kept, " +
        'modules without any left out; every tool that reads LoRA reads it.',
      differs: 'PEFT writes ADALORA only.',
      change: 'the adapter goes to a tool that knows LoRA but not AdaLoRA.',
    }),
};
