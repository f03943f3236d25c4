import { z } from 'zod';
import { count } from './numbers';

export const samplesSchema = z
  .strictObject({
    prompts: z
      .array(z.string())
      .default([])
      .meta({
        description: 'Prompts that the model completes at each evaluation, so that you can read how it changes.',
        change: 'always: the loss does not show a format that went wrong.',
        examples: [['Define LOVE:']],
      }),
    max_new_tokens: count()
      .default(40)
      .meta({
        description: 'Longest completion in tokens; it ends earlier at the end-of-text token.',
        change: 'completions are cut off.',
        examples: [40, 100],
      }),
    temperature: z
      .number()
      .min(0)
      .default(0)
      .meta({
        description:
          '0 always takes the most likely token (greedy, comparable between runs); above 0 tokens are drawn.',
        change: 'greedy completions repeat themselves: 0.7–1.',
        examples: [0, 0.8],
      }),
  })
  .meta({ description: 'Completions to read at each evaluation.' });
