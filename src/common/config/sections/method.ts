import { z } from 'zod';
import { bottleneckFields } from './bottleneck';
import { loraFields } from './lora';

export const methodSchema = z
  .discriminatedUnion('type', [
    z
      .strictObject({
        type: z.literal('full').meta({
          description: 'Full fine-tuning: every weight trains. 16 bytes a parameter, and the strongest forgetting.',
        }),
      })
      .meta({ description: 'Full fine-tuning: every weight trains.' }),
    z
      .strictObject({
        type: z.literal('lora').meta({
          description: 'LoRA: the weights stay frozen and low-rank updates beside them train (arXiv 2106.09685).',
        }),
        ...loraFields,
      })
      .meta({ description: 'LoRA: low-rank updates beside frozen weights train.' }),
    z
      .strictObject({
        type: z.literal('bottleneck').meta({
          description:
            'Bottleneck adapters: small two-layer networks after attention and MLP train (arXiv 1902.00751, 2005.00247), ' +
            'or residual matrices (arXiv 1705.08045).',
        }),
        ...bottleneckFields,
      })
      .meta({ description: 'Bottleneck adapters: small networks after attention and MLP train.' }),
  ])
  .meta({ description: 'Which parameters train. `type` picks the method; the other keys belong to that method.' });
