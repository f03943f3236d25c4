import { z } from 'zod';
import { adaloraFields } from './adalora';
import { bottleneckFields } from './bottleneck';
import { fewShotFields } from './fewShot';
import { loraFields } from './lora';
import { pTuningFields } from './pTuning';
import { prefixFields, pTuningV2Fields } from './prefix';
import { weightloraFields } from './weightlora';

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
        type: z.literal('adalora').meta({
          description:
            'AdaLoRA: low-rank updates in the form of a singular value decomposition; the least important singular values ' +
            'are pruned while it trains, so that rank goes where it matters (arXiv 2303.10512).',
        }),
        ...adaloraFields,
      })
      .meta({ description: 'AdaLoRA: rank moves to the matrices that need it.' }),
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
    z
      .strictObject({
        type: z.literal('weightlora').meta({
          description:
            'WeightLoRA: a trained weight ω for each LoRA adapter tells which of them matter; the others are dropped ' +
            '(arXiv 2506.02724). With `growth` WeightLoRA+: those that stay grow.',
        }),
        ...weightloraFields,
      })
      .meta({ description: 'WeightLoRA: the best of many LoRA adapters are found and kept.' }),
    z
      .strictObject({
        type: z.literal('prefix').meta({
          description:
            'Prefix-tuning: trained keys and values before the tokens of every block; all weights stay frozen (arXiv 2101.00190).',
        }),
        ...prefixFields,
      })
      .meta({ description: 'Prefix-tuning: trained keys and values in every block.' }),
    z
      .strictObject({
        type: z.literal('p-tuning').meta({
          description:
            'P-tuning: trained vectors before the input, made by a small encoder; all weights stay frozen (arXiv 2103.10385). ' +
            'They stand at the input only: vectors in every block are prefix-tuning and P-tuning v2.',
        }),
        ...pTuningFields,
      })
      .meta({ description: 'P-tuning: trained vectors before the input.' }),
    z
      .strictObject({
        type: z.literal('p-tuning-v2').meta({
          description:
            'P-tuning v2: a prefix in every block, trained directly, with dropout on it and high learning rates ' +
            '(5e-3 to 3e-2; arXiv 2110.07602).',
        }),
        ...pTuningV2Fields,
      })
      .meta({ description: 'P-tuning v2: a directly trained prefix in every block, with dropout.' }),
    z
      .strictObject({
        type: z.literal('few-shot').meta({
          description:
            'Few-shot prompting: nothing trains; answered training rows stand before each evaluation row. The baseline of ' +
            'every other method.',
        }),
        ...fewShotFields,
      })
      .meta({ description: 'Few-shot prompting: nothing trains, the model is shown examples.' }),
  ])
  .meta({ description: 'Which parameters train. `type` picks the method; the other keys belong to that method.' });
