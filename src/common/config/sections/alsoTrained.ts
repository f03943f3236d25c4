import { z } from 'zod';

/** What trains beside the low-rank matrices, with PEFT's keys. */
export const alsoTrainedFields = {
  modules_to_save: z
    .array(z.string().min(1))
    .default([])
    .meta({
      description:
        'Modules that train as a whole and are saved with the adapter: `embed_tokens`, `lm_head`, `norm` … A name is an ' +
        'ending, as in PEFT, so that `norm` is every norm of a Llama. They get no low-rank update.',
      differs:
        'Where the head shares the weight of the embedding, PEFT parts the two and trains one; here both train as one ' +
        'weight under the name of the embedding, and `lm_head` is refused.',
      change: 'the data has tokens or a format that the base model hardly knows; each weight then costs 16 bytes.',
      examples: [['norm'], ['embed_tokens']],
    }),
  bias: z
    .enum(['none', 'all', 'lora_only'])
    .default('none')
    .meta({
      description:
        '`none`: biases stay frozen. `all`: every bias of the model trains, those of norms too. `lora_only`: those of the ' +
        'adapted modules. Without the adapter the model is then no longer the base model.',
      change: 'you reproduce a recipe that says so; Llama models have no biases.',
    }),
};
