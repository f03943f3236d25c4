import { z } from 'zod';
import { count } from './numbers';

/** The keys of PEFT's `PromptEncoderConfig`, with its names. */
export const pTuningFields = {
  adapter: z
    .string()
    .min(1)
    .optional()
    .meta({
      description:
        'Not possible for P-tuning: an exported prompt has no encoder any more, so nothing could go on from where it ' +
        'stood. Resume the run from its checkpoint.',
      change: 'a run must go on: leave it out and resume its checkpoint.',
    }),
  num_virtual_tokens: count()
    .default(20)
    .meta({
      description: 'Length P of the prompt: how many trained vectors stand before every example, in the input only.',
      differs: 'PEFT has no default. Twenty is what its own comparison uses; the context gets shorter by as much.',
      change: 'the task is simple or examples are short (5–10), or it needs more (50).',
      examples: [10, 20],
    }),
  encoder_reparameterization_type: z
    .enum(['MLP', 'LSTM'])
    .default('MLP')
    .meta({
      description:
        'The network that makes the prompt, and is dropped after training. `MLP`: three linear layers with ReLU; `LSTM`: ' +
        'bidirectional LSTM layers, then two linear layers with ReLU (arXiv 2103.10385).',
      change: 'the vectors should depend on each other in order (`LSTM`, as in the paper); it is slower.',
    }),
  encoder_hidden_size: count()
    .optional()
    .meta({
      description: "Hidden size of the encoder; the model's width when absent. The LSTM has this per direction.",
      change: 'the encoder has more parameters than the task deserves: it dominates what trains.',
      examples: [128, 768],
    }),
  encoder_num_layers: count()
    .max(8)
    .default(2)
    .meta({
      description: 'Layers of the LSTM. The MLP always has its three linear layers.',
      change: 'you reproduce a recipe that says so.',
      examples: [2],
    }),
  encoder_dropout: z
    .number()
    .min(0)
    .max(0.95)
    .default(0)
    .meta({
      description: 'Dropout between the layers of the LSTM in training. The MLP has none.',
      change: 'a small data set overfits: 0.1.',
      examples: [0, 0.1],
    }),
};
