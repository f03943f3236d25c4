import { z } from 'zod';
import { count, countOrZero } from './numbers';

/** Few-shot prompting: what stands before each evaluation row. */
export const fewShotFields = {
  shots: countOrZero()
    .default(4)
    .meta({
      description: 'Training rows that stand before each evaluation row, answered; 0 asks without any.',
      change: 'the format of the answers needs more showing, or the context has no room for so many.',
      examples: [4, 16],
    }),
  draws: count()
    .default(3)
    .meta({
      description:
        'How often other shots are drawn from `data.train`, with `training.seed`. The results are a mean and a standard ' +
        'deviation over the draws.',
      change: 'results differ much between draws: five or more.',
      examples: [3, 5],
    }),
  template: z
    .string()
    .regex(/\{prompt\}[\s\S]*\{completion\}/, '{prompt} must stand before {completion}')
    .default('{prompt}{completion}')
    .meta({
      description:
        'How a row with `prompt` and `completion` is written as a shot. The evaluation row is written likewise up to its ' +
        'completion. Other kinds of rows are taken as they are: chats as earlier turns.',
      change: 'a base model needs words around the parts.',
      examples: ['Q: {prompt}\nA:{completion}'],
    }),
  separator: z
    .string()
    .default('\n\n')
    .meta({
      description: 'What stands after each shot. Chats need none.',
      change: 'the completions themselves hold blank lines.',
      examples: ['\n###\n'],
    }),
};
