import { z } from 'zod';

export const memorySchema = z
  .strictObject({
    quantization: z
      .enum(['none', 'f16', 'nf4', 'fp4', 'int8'])
      .default('none')
      .meta({
        description:
          'How frozen base weights are stored on the GPU: `none` is 4 bytes a weight (f32), `f16` is 2. `nf4` (QLoRA, ' +
          'arXiv 2305.14314) is about half a byte, `fp4` the same with twice the error spread less well, `int8` one byte: ' +
          'the linear layers of the blocks are stored in blocks with a scale each, and unpacked into a shared workspace when they are used; the ' +
          'token embedding and the output head are `f16` then (`embedding_dtype`), norms and biases f32. Arithmetic is f32 ' +
          'throughout, and what trains is always f32, so full fine-tuning cannot use `nf4`, `fp4` or `int8`.',
        differs:
          'bitsandbytes calls it `load_in_4bit` with `bnb_4bit_quant_type` (its own default is fp4) and `load_in_8bit`. nf4 and fp4 are code for code ' +
          "its formats; `int8` is whole steps of a 127th of each block's largest weight, without its outlier columns.",
        change: 'the base model takes most of the memory.',
        examples: ['nf4', 'f16'],
      }),
    double_quant: z
      .boolean()
      .optional()
      .meta({
        description:
          'Double quantization: the scales of the blocks, less their mean, are stored in 8 bits too, which takes 4.5 bits a ' +
          'weight to 4.13 (8 % of the quantized weights) for a tenth of a percent more error. On for `nf4` and `fp4` unless ' +
          'set, off for `int8`. bitsandbytes calls it `bnb_4bit_use_double_quant`.',
        change: 'you compare with a run that does without it.',
        examples: [true, false],
      }),
    block_size: z
      .literal([32, 64, 128, 256, 512, 1024, 2048, 4096])
      .default(64)
      .meta({
        description:
          'Weights that share one scale under `nf4`, `fp4` and `int8`, counted along the rows of the weight. Larger blocks save ' +
          'scales and lose accuracy: the mean error of nf4 on normal weights is 0.0728 with 64, 0.0803 with 256 and 0.0925 with 4096.',
        change: 'you study the effect; 64 is what QLoRA was measured with.',
        examples: [64, 128],
      }),
    embedding_dtype: z
      .enum(['f16', 'f32'])
      .optional()
      .meta({
        description:
          'How the frozen token embedding and output head are stored. `f16` whenever `quantization` is not `none`, else ' +
          '`f32`. In small models they outweigh the quantized blocks by far.',
        change: 'you need the exact embedding, at twice its memory.',
        examples: ['f16', 'f32'],
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
