import { z } from 'zod';
import { countOrZero } from './numbers';

/** Which modules get an adapter: the keys that PEFT's low-rank configs share. */
export const targetFields = {
  target_modules: z
    .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
    .default('all-linear')
    .meta({
      description:
        'Modules that get an adapter. A list holds names or name endings (`q_proj` matches every `….q_proj`); ' +
        'a text is a regular expression for the whole name; `all-linear` is every linear layer except the output head.',
      differs:
        'PEFT picks the query and value projections for most models. Adapting every linear layer, the MLP above all, ' +
        'is what reaches the loss of full fine-tuning at the same rank.',
      change: 'memory is tight, or you want to compare placements.',
      examples: ['all-linear', ['q_proj', 'v_proj'], '.*\\.mlp\\.(up|down)_proj'],
    }),
  exclude_modules: z
    .union([z.string().min(1), z.array(z.string().min(1))])
    .optional()
    .meta({
      description:
        'Modules that get no adapter even if `target_modules` matches: names or endings, or a regular expression.',
      change: 'you take a few modules out of `all-linear`.',
      examples: [['down_proj']],
    }),
  layers_to_transform: z
    .union([countOrZero(), z.array(countOrZero())])
    .optional()
    .meta({
      description: 'Block number or numbers, counted from 0, that get an adapter; all blocks without it.',
      change: 'only the upper blocks should change: then no backward pass is needed below them.',
      examples: [[2, 3]],
    }),
};
