import { z } from 'zod';
import { count } from './numbers';

const virtualTokens = (description: string) =>
  count()
    .default(20)
    .meta({
      description,
      differs: 'PEFT has no default. Twenty is a usual length; the context gets shorter by as much.',
      change: 'the task is simple or examples are short (5–10), or it needs many facts (50–200).',
      examples: [10, 20, 50],
    });

const adapter = (what: string) =>
  z
    .string()
    .min(1)
    .optional()
    .meta({
      description:
        `Folder of an existing ${what} to go on training (\`adapter_config.json\` and ` +
        '`adapter_model.safetensors`), relative to this config. Its number of virtual tokens must match.',
      change: 'you continue earlier work instead of starting from a fresh prefix.',
      examples: ['adapters/first'],
    });

const initText = z
  .string()
  .min(1)
  .optional()
  .meta({
    description:
      'Text for `init_weights: text`; it needs at least `num_virtual_tokens` tokens. Write what the task is about: the ' +
      'prefix starts as if this text stood before every example.',
    change: 'you start from a text.',
    examples: ['Define the word in the style of the cynic, shortly, drily and with a twist at the end:'],
  });

const startChoices =
  '`text`: the keys and values of `init_text` in the frozen model (without the projection only); `zero`: zeros, which ' +
  'still take attention, so step 0 is near the base model, not equal to it; `normal`: N(0, 1).';

/** The keys of PEFT's `PrefixTuningConfig`, with its names. */
export const prefixFields = {
  adapter: adapter('PEFT prefix'),
  num_virtual_tokens: virtualTokens(
    'Length P of the prefix: how many keys and values every block has before the tokens. Positions of tokens start at P.',
  ),
  prefix_projection: z
    .boolean()
    .default(false)
    .meta({
      description:
        'Train a small network that makes the prefix (embedding, linear, tanh, linear) instead of the prefix itself, as Li ' +
        'and Liang do (arXiv 2101.00190). Only what it makes is exported, so such a run cannot be continued from its export.',
      change: 'the prefix trains unsteadily; then the learning rate must be far lower (5e-5 to 3e-4).',
    }),
  encoder_hidden_size: count()
    .optional()
    .meta({
      description: 'Hidden size of that network; the width of the keys and values when absent. No effect without it.',
      change: 'the network is too large (it has about H·2·blocks·width parameters). Li and Liang use 512.',
      examples: [128, 512],
    }),
  init_weights: z
    .enum(['zero', 'normal', 'text'])
    .default('zero')
    .meta({
      description: `How the prefix starts. ${startChoices} With the projection, \`zero\` zeroes its last layer.`,
      differs:
        "PEFT's default is N(0, 1), which it calls no `init_weights`; starting from a text is a function call there. In " +
        "PEFT's own comparison N(0, 1) reached 18.6 %, zeros 35.8 % and a text 41.6 %.",
      change: 'you have a text that describes the task (`text`), or reproduce a run of PEFT (`normal`).',
    }),
  init_text: initText,
};

/** P-tuning v2: names of the authors' code (`arguments.py`), except for those that PEFT has. */
export const pTuningV2Fields = {
  adapter: adapter('prefix, as PEFT saves it,'),
  num_virtual_tokens: virtualTokens(
    'Length P of the prefix, `pre_seq_len` in the authors’ code: below 20 for simple tasks, about 100 for labelling sequences.',
  ),
  prefix_dropout: z
    .number()
    .min(0)
    .max(0.95)
    .default(0.1)
    .meta({
      description:
        'Probability of dropping a single value of the prefix’s keys and values in training, drawn anew for each ' +
        'example (`hidden_dropout_prob` in the authors’ code).',
      change: 'you have much data (0), or the prefix overfits (0.2).',
      examples: [0, 0.1],
    }),
  prefix_projection: z.boolean().default(false).meta({
    description:
      'Make the prefix with a small network (embedding, linear, tanh, linear). The authors leave it off for most tasks.',
    change: 'you reproduce a run that had it.',
  }),
  prefix_hidden_size: count()
    .default(512)
    .meta({
      description: 'Hidden size of that network. No effect without it.',
      change: 'you reproduce a run that says so.',
      examples: [512],
    }),
  init_weights: z
    .enum(['zero', 'normal', 'text'])
    .default('normal')
    .meta({
      description: `How the prefix starts. ${startChoices} The authors' code has \`normal\`.`,
      change: 'training starts slowly: `zero`, or `text` with a description of the task.',
    }),
  init_text: initText,
};
