import { z } from 'zod';
import { count, countOrZero } from './numbers';

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
        differs: 'In transformers greedy is `do_sample: false` for greedy, and its `temperature` cannot be 0.',
        examples: [0, 0.8],
      }),
    top_k: countOrZero()
      .default(50)
      .meta({
        description: 'Draws among this many most likely tokens; 0 draws among all. Without effect when greedy.',
        change: 'drawn completions wander off (lower it) or are too tame (raise it).',
        examples: [50, 0],
      }),
    top_p: z
      .number()
      .gt(0)
      .max(1)
      .default(1)
      .meta({
        description:
          'Draws among the fewest tokens whose probabilities reach this sum (nucleus sampling, arXiv 1904.09751). ' +
          'Without effect when greedy.',
        change: 'rare tokens spoil drawn completions: 0.9–0.95.',
        examples: [1, 0.9],
      }),
    repetition_penalty: z
      .number()
      .positive()
      .default(1)
      .meta({
        description:
          'Divides positive logits of tokens that are already in the text, prompt included, and multiplies negative ' +
          'ones (arXiv 1909.05858). 1 does nothing.',
        change: 'completions repeat themselves: 1.1–1.3.',
        examples: [1, 1.2],
      }),
    stop_strings: z
      .array(z.string().min(1))
      .default([])
      .meta({
        description: 'A completion ends with the token that completes one of these strings.',
        change: 'your format has an end of its own, such as a blank line.',
        examples: [['\n\n']],
      }),
    seed: countOrZero()
      .optional()
      .meta({
        description: 'Seed of the draws; `training.seed` when absent.',
        change: 'you want other completions of the same weights.',
        examples: [7],
      }),
    use_cache: z
      .boolean()
      .default(true)
      .meta({
        description:
          'Keeps the keys and values of the text so far on the device, so that each new token costs one row instead ' +
          'of the whole text.',
        change: 'you want to see what generation costs without it.',
        examples: [true],
      }),
  })
  .meta({ description: 'Completions to read at each evaluation.' });
