import { z } from 'zod';
import { dataSchema } from './sections/data';
import { memorySchema } from './sections/memory';
import { methodSchema } from './sections/method';
import { samplesSchema } from './sections/samples';
import { trainingSchema } from './sections/training';

/**
 * The one description of a config file. Type, parser, completion, hover, JSON schema and the reference page all come
 * from here. Names are PEFT's (`LoraConfig`) and transformers' (`TrainingArguments`), and so are the defaults.
 * Each key's `meta` holds `description` (what it is), `change` (completes "Change it when …"), `differs` (why the key
 * or its default is not PEFT's) and `examples`.
 */
export const runConfigSchema = z
  .strictObject({
    name: z
      .string()
      .min(1)
      .optional()
      .meta({
        description: 'Name of the run in every view; the file name without its ending when absent.',
        examples: ['devil-lora'],
      }),
    model: z
      .string()
      .min(1)
      .meta({
        description:
          'The base model: `builtin:tiny`, or a folder relative to this config that holds `config.json`, ' +
          '`model.safetensors` (or its shards) and `tokenizer.json`. GPT-2 and Llama families (Llama, SmolLM2, Qwen2, Mistral).',
        examples: ['builtin:tiny', 'models/SmolLM2-135M'],
      }),
    data: dataSchema,
    method: methodSchema,
    training: trainingSchema.prefault({}).meta({ description: trainingSchema.description }),
    memory: memorySchema.prefault({}).meta({ description: memorySchema.description }),
    samples: samplesSchema.prefault({}).meta({ description: samplesSchema.description }),
  })
  .meta({ title: 'PEFT Workbench run', description: 'One fine-tuning run: model, data, method and training.' });

/** A checked config with every default filled in. */
export type RunConfig = z.output<typeof runConfigSchema>;
export type MethodConfig = RunConfig['method'];
export type LoraConfig = Extract<MethodConfig, { type: 'lora' }>;
export type AdaloraConfig = Extract<MethodConfig, { type: 'adalora' }>;
export type BottleneckConfig = Extract<MethodConfig, { type: 'bottleneck' }>;
export type WeightloraConfig = Extract<MethodConfig, { type: 'weightlora' }>;
export type FewShotConfig = Extract<MethodConfig, { type: 'few-shot' }>;
export type PrefixConfig = Extract<MethodConfig, { type: 'prefix' }>;
export type PTuningConfig = Extract<MethodConfig, { type: 'p-tuning' }>;
export type PTuningV2Config = Extract<MethodConfig, { type: 'p-tuning-v2' }>;
