import { z } from 'zod';
import { optimizerFields } from './optimizer';
import { count, countOrZero } from './numbers';

/** The keys of transformers' `TrainingArguments` that this project implements, with its names and defaults. */
export const trainingSchema = z
  .strictObject({
    max_steps: z
      .union([z.literal(-1), count()])
      .default(-1)
      .meta({
        description:
          'Optimizer steps of the whole run; a positive number overrides `num_train_epochs`. -1: as many as the epochs take.',
        change: 'you want runs of equal length whatever the data, or a quick trial.',
        examples: [200, 1000],
      }),
    num_train_epochs: z
      .number()
      .positive()
      .default(3)
      .meta({
        description: 'Passes over the training rows; fractions are allowed. Ignored when `max_steps` is positive.',
        change: 'the eval loss still falls at the end (more), or rises before it (fewer).',
        examples: [1, 3],
      }),
    per_device_train_batch_size: count()
      .default(8)
      .meta({
        description:
          'Rows per micro-batch, the rows on the GPU at once. Activation memory grows with it; the rows of one optimizer ' +
          'step are this times `gradient_accumulation_steps`.',
        change: 'memory runs out: halve it and double `gradient_accumulation_steps`, the result is the same.',
        examples: [1, 4, 8],
      }),
    per_device_eval_batch_size: count()
      .default(8)
      .meta({ description: 'Rows per evaluation batch. Changes speed and memory, not the eval loss.' }),
    gradient_accumulation_steps: count()
      .default(1)
      .meta({
        description:
          'Micro-batches per optimizer step. The loss is averaged over all loss tokens of the window, so splitting a ' +
          'batch changes nothing but memory and time.',
        change: 'the batch you want does not fit in memory.',
        examples: [1, 4],
      }),
    ...optimizerFields,
    seed: countOrZero()
      .max(0xffffffff)
      .default(42)
      .meta({
        description:
          'Seed of data order, adapter initialisation, dropout and sampling. The same seed on the same GPU gives the ' +
          'same losses, bit for bit.',
        change: 'you measure how much a result varies by chance: run at least three seeds.',
        examples: [1, 42],
      }),
    eval_steps: count()
      .optional()
      .meta({
        description:
          'Evaluate and complete the sample prompts every this many optimizer steps, and at the start and the end. ' +
          'Without it there is no evaluation.',
        change: 'you have eval rows: a tenth of the run is a good interval.',
        examples: [50],
      }),
    eval_exact_match: z
      .boolean()
      .default(false)
      .meta({
        description:
          'At each evaluation also complete the prompt of every eval row greedily, and report the share of completions that ' +
          'equal the expected one but for white space at the ends.',
        differs: 'This key is not in `TrainingArguments`.',
        change: 'answers are right or wrong, rather than more or less likely. It costs a generated text per eval row.',
      }),
    save_steps: countOrZero()
      .default(500)
      .meta({
        description: 'Write a checkpoint every this many optimizer steps; 0 turns checkpoints off.',
        change: 'losing 500 steps in a crash would hurt, or `load_best_model_at_end` needs one at each evaluation.',
        examples: [50, 500],
      }),
    save_total_limit: count()
      .optional()
      .meta({
        description:
          'Keep only this many of the newest checkpoints (the best one is always kept). Without it all stay.',
        change: 'checkpoints of full fine-tuning fill the disk.',
        examples: [2],
      }),
    load_best_model_at_end: z.boolean().default(false).meta({
      description: 'Export the checkpoint with the lowest eval loss instead of the last state.',
      change:
        'the eval loss turns up before the run ends. Needs `data.eval`, `eval_steps` and checkpoints at evaluations.',
    }),
    importance_steps: countOrZero()
      .default(10)
      .meta({
        description: 'Report the importance of each adapted module every this many optimizer steps; 0 turns it off.',
        differs: 'This key is not in `TrainingArguments`; it feeds the importance heatmap of the dashboard.',
        change: 'steps are so short that the report costs time.',
        examples: [10],
      }),
  })
  .meta({
    description: "Length, batch, optimizer and checkpoints of the run; names as in transformers' TrainingArguments.",
  });
