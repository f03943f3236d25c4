import { z } from 'zod';

export const memorySchema = z
  .strictObject({
    quantization: z
      .enum(['none', 'f16', 'nf4', 'fp4', 'int8'])
      .default('none')
      .meta({
        description:
          'How frozen base weights are stored on the GPU: `none` is 4 bytes a weight (f32), `f16` is 2, `int8` about 1, ' +
          '`nf4` (QLoRA, arXiv 2305.14314) and `fp4` about half a byte. The last three store the linear layers of the ' +
          'transformer blocks in small groups that share a scale, and unpack them into shared scratch whenever they are used; the token ' +
          'embedding and the output head are `f16` then (`embedding_dtype`), norms and biases f32. Arithmetic is f32, and what ' +
          'trains is f32 too: full fine-tuning freezes nothing, so `f16` has no effect there and the last three are refused.',
        differs:
          'In bitsandbytes it is `load_in_4bit` with `bnb_4bit_quant_type` (by default fp4, with a third more error than nf4) and ' +
          '`load_in_8bit`. nf4 and fp4 are its formats code for code; int8 is whole steps of a 127th of the largest weight ' +
          'of each group, without its columns of outliers.',
        change: 'the base model takes most of the memory.',
        examples: ['nf4', 'f16'],
      }),
    double_quant: z
      .boolean()
      .optional()
      .meta({
        description:
          'Double quantization: the scales, less their mean, are stored in 8 bits too. That takes nf4 from 4.5 bits a ' +
          'weight to 4.13 (8 % less) for a tenth of a percent more error. On for `nf4` and `fp4` unless set, off for `int8`. ' +
          'bitsandbytes calls it `bnb_4bit_use_double_quant`.',
        change: 'you compare with a run that does without it.',
        examples: [true, false],
      }),
    block_size: z
      .literal([32, 64, 128, 256, 512, 1024, 2048, 4096])
      .default(64)
      .meta({
        description:
          'Weights that share one scale under `nf4`, `fp4` and `int8`, counted along the rows of the weight. Larger groups ' +
          'save scales and lose accuracy: the mean error of nf4 on normal weights is 0.0728 with 64, 0.0803 with 256 and ' +
          '0.0925 with 4096.',
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
    gradient_checkpointing: z
      .enum(['none', 'selective', 'block'])
      .default('none')
      .meta({
        description:
          'What the forward pass keeps for the backward pass. `none` keeps everything that is read again. `selective` makes the outputs ' +
          'of norms and activation functions again, which costs little. `block` keeps the input of each transformer block and ' +
          'runs the block again before its backward pass: activations shrink to one block, for about a third more time. ' +
          'Losses and gradients are the same, bit for bit.',
        differs:
          'In transformers it is `gradient_checkpointing: true`, which is `block` here. PEFT refuses it for prefix-tuning; here it ' +
          'works with every method.',
        change: 'activations are what does not fit: long examples, large batches, many blocks.',
        examples: ['block', 'selective'],
      }),
    offload: z
      .strictObject({
        parameters: z
          .enum(['none', 'cpu', 'disk'])
          .default('none')
          .meta({
            description:
              'Where base matrices wait while they are not used. `cpu` is host memory, `disk` a file that is removed at the ' +
              'end of the run and read through 4 MiB of host memory. On the GPU are two blocks, of which one is uploaded while the ' +
              'other computes, and one part of the embedding or output head. What trains of them is brought once more for its update and ' +
              'goes back, or is updated where it waits with `optimizer`. Norms, biases, adapters and all gradients stay on the GPU. ' +
              'Losses are the same, bit for bit.',
            differs:
              'In DeepSpeed it is `offload_param` of ZeRO stage 3, in accelerate `device_map` with `cpu` or `disk`.',
            change: 'the base model alone does not fit the GPU.',
            examples: ['cpu', 'disk'],
          }),
        optimizer: z
          .enum(['none', 'cpu', 'disk'])
          .default('none')
          .meta({
            description:
              "Where AdamW's two moments wait, 8 bytes for each trained value. `cpu` is host memory, `disk` a file that is removed at the " +
              'end of the run. The host then does the update: in each step the gradients come down and the new values go up, in ' +
              'pieces. Beside the moments waits a copy of base weights that train, unless they wait off the GPU themselves ' +
              '(`parameters`); values of adapters come down with their gradients. Numbers differ by rounding at most.',
            differs:
              'In DeepSpeed it is `offload_optimizer` of ZeRO stages 1 to 3, whose `DeepSpeedCPUAdam` does the update likewise.',
            change:
              'whole base weights train, and their moments do not fit the GPU. For adapters there is little to win.',
            examples: ['cpu', 'disk'],
          }),
        activations: z
          .enum(['none', 'cpu', 'disk'])
          .default('none')
          .meta({
            description:
              'Where the inputs of transformer blocks wait between the forward pass and the backward pass of their block. Each ' +
              'leaves the GPU while the next block computes, for host memory with `cpu` or a file with `disk`, and comes back before ' +
              'its block runs again, so that the activations on the GPU are those of one block, however many there are. Needs `gradient_checkpointing: block`, which keeps ' +
              'nothing else. Losses are the same, bit for bit.',
            differs:
              'In DeepSpeed it is `cpu_checkpointing`. TRL and torchtune move every saved tensor instead, also without checkpointing.',
            change: 'block checkpointing alone does not fit long contexts.',
            examples: ['cpu', 'disk'],
          }),
      })
      .prefault({})
      .meta({
        description: 'What leaves GPU memory between uses, and where it waits.',
        change: 'quantization and checkpointing are not enough.',
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
