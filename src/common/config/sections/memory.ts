import { z } from 'zod';

export const memorySchema = z
  .strictObject({
    quantization: z
      .enum(['none', 'f16'])
      .default('none')
      .meta({
        description:
          'How frozen base weights are stored on the GPU: `none` is 4 bytes a weight (f32), `f16` is 2. Arithmetic is f32 ' +
          'either way, and what trains is always f32; full fine-tuning freezes nothing, so it has no effect there.',
        change: 'the base model takes most of the memory.',
      }),
    budget_mib: z
      .number()
      .positive()
      .optional()
      .meta({
        description:
          'GPU memory this run may use, in MiB. The forecast is exact, so a run that would not fit is refused before it starts.',
        change: 'other programs share the GPU, or you plan for a smaller one.',
        examples: [1024, 4096],
      }),
  })
  .meta({ description: 'Where the bytes go.' });
