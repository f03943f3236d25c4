import { z } from 'zod';
import { count } from './numbers';

const rowForms =
  'One JSON object a line: `{"prompt", "completion"}`, `{"text"}`, `{"messages"}` or `{"input_ids", "labels"}`.';

export const dataSchema = z
  .strictObject({
    train: z
      .string()
      .min(1)
      .meta({
        description: `Training rows: a JSONL file, relative to this config. ${rowForms}`,
        examples: ['data/train.jsonl'],
      }),
    eval: z
      .string()
      .min(1)
      .optional()
      .meta({
        description: `Evaluation rows, never trained on: a JSONL file, relative to this config. ${rowForms}`,
        change:
          'you want to see overfitting or keep the best checkpoint. 5–10 % of the rows, split by prompt, is usual.',
        examples: ['data/eval.jsonl'],
      }),
    max_length: count()
      .default(1024)
      .meta({
        description:
          'Longest example in tokens, prompt and completion together; longer ones are cut at the end. ' +
          'Activation memory grows with it.',
        change: 'almost all examples are much shorter (lower it), or targets get cut off (raise it).',
        examples: [128, 512, 1024],
      }),
    loss: z
      .enum(['completion', 'all'])
      .default('completion')
      .meta({
        description:
          'What the loss counts in training and evaluation. `completion`: completions and assistant turns, not the prompts ' +
          'before them. `all`: every token. Rows of `text` always count as a whole, and rows with `labels` as these say.',
        change: 'prompts are worth learning too, as in continued pretraining.',
      }),
    shuffle: z.boolean().default(true).meta({
      description:
        'Draw the rows in a new order each epoch, from `training.seed`. `false` keeps the order of the file.',
      change: 'the file is a curriculum, or two runs must see identical batches.',
    }),
  })
  .meta({ description: 'What the model learns from, and what it is measured on.' });
