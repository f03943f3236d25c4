import { z } from 'zod';

/**
 * The one description of a config file. Type, parser, completion, hover, JSON schema and the reference page all come
 * from here; every key's help is its `describe` text. Names are PEFT's (`LoraConfig`) and transformers'
 * (`TrainingArguments`), and so are the defaults unless the help says why not.
 */
const count = () => z.int().min(1);
const fraction = () => z.number().min(0).max(1);

const dataSchema = z.strictObject({
  train: z.string().min(1).describe('Training rows: a JSONL file, relative to this config.'),
  eval: z.string().min(1).optional().describe('Evaluation rows: a JSONL file, relative to this config.'),
  max_length: count().default(1024).describe('Longest example in tokens; longer ones are cut at the end.'),
  shuffle: z.boolean().default(true).describe('Draw rows in a new seeded order each epoch; false keeps file order.'),
});

const loraFields = {
  adapter: z.string().min(1).optional().describe('Start from this PEFT adapter folder instead of a fresh one.'),
  r: count().default(8).describe('Rank of the update matrices.'),
  lora_alpha: z.number().positive().default(8).describe('Scale of the update: lora_alpha / r.'),
  lora_dropout: z.number().min(0).max(0.95).default(0).describe('Dropout on the input of the LoRA branch.'),
  use_rslora: z.boolean().default(false).describe('Scale by lora_alpha / sqrt(r) (rank-stabilised LoRA).'),
  loraplus_lr_ratio: z.number().positive().optional().describe('LoRA+: learning rate of B over that of A.'),
  target_modules: z
    .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
    .default('all-linear')
    .describe('Modules that get an adapter: names or suffixes, a full-match regex, or all-linear.'),
  exclude_modules: z
    .union([z.string().min(1), z.array(z.string().min(1))])
    .optional()
    .describe('Modules left out.'),
  layers_to_transform: z
    .union([z.int().min(0), z.array(z.int().min(0))])
    .optional()
    .describe('Only these block numbers get an adapter.'),
  rank_pattern: z.record(z.string(), count()).default({}).describe('Ranks that differ from r, by module name pattern.'),
  alpha_pattern: z.record(z.string(), z.number().positive()).default({}).describe('Alphas that differ, by pattern.'),
  init_lora_weights: z
    .union([z.boolean(), z.literal('gaussian')])
    .default(true)
    .describe('true: Kaiming-uniform A and zero B; gaussian: normal A with std 1/r; false: random B too (debugging).'),
};

const methodSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('full').describe('Train every weight.') }),
  z.strictObject({ type: z.literal('lora').describe('Train low-rank updates of frozen matrices.'), ...loraFields }),
]);

const trainingSchema = z.strictObject({
  max_steps: z.int().default(-1).describe('Optimizer steps; a positive number overrides num_train_epochs.'),
  num_train_epochs: z.number().positive().default(3).describe('Passes over the training rows.'),
  learning_rate: z.number().positive().default(5e-5).describe('Peak learning rate.'),
  lr_scheduler_type: z
    .enum(['linear', 'cosine', 'constant', 'constant_with_warmup'])
    .default('linear')
    .describe("Schedule, as transformers' get_scheduler computes it."),
  warmup_steps: z.int().min(0).default(0).describe('Steps over which the rate rises from 0.'),
  warmup_ratio: fraction().default(0).describe('Warm-up as a share of all steps.'),
  per_device_train_batch_size: count().default(8).describe('Rows per micro-batch.'),
  per_device_eval_batch_size: count().default(8).describe('Rows per evaluation batch.'),
  gradient_accumulation_steps: count().default(1).describe('Micro-batches per optimizer step.'),
  weight_decay: z.number().min(0).default(0).describe('AdamW decay; biases and norms never decay.'),
  adam_beta1: z.number().min(0).lt(1).default(0.9).describe('AdamW beta1.'),
  adam_beta2: z.number().min(0).lt(1).default(0.999).describe('AdamW beta2.'),
  adam_epsilon: z.number().positive().default(1e-8).describe('AdamW epsilon.'),
  max_grad_norm: z.number().min(0).default(1).describe('Clip the global gradient norm to this; 0 turns it off.'),
  seed: z.int().min(0).max(0xffffffff).default(42).describe('Seed of data order, initialisation and dropout.'),
  eval_steps: count().optional().describe('Evaluate every this many optimizer steps, and at the start and end.'),
  save_steps: z.int().min(0).default(500).describe('Checkpoint every this many optimizer steps; 0 turns it off.'),
  save_total_limit: count().optional().describe('Keep only the newest checkpoints (and the best).'),
  load_best_model_at_end: z.boolean().default(false).describe('Export the checkpoint with the lowest eval loss.'),
  importance_steps: z.int().min(0).default(10).describe('Report importance every this many steps; 0 turns it off.'),
});

const memorySchema = z.strictObject({
  quantization: z.enum(['none', 'f16']).default('none').describe('Storage of frozen base weights on the GPU.'),
  budget_mib: z.number().positive().optional().describe('GPU memory this run may use, in MiB.'),
});

const samplesSchema = z.strictObject({
  prompts: z.array(z.string()).default([]).describe('Prompts completed at each evaluation.'),
  max_new_tokens: count().default(40).describe('Longest completion in tokens.'),
  temperature: z.number().min(0).default(0).describe('0 is greedy.'),
});

export const runConfigSchema = z.strictObject({
  name: z.string().min(1).optional().describe('Name of the run in every view; the file name otherwise.'),
  model: z.string().min(1).describe('builtin:tiny, or a folder with config.json, model.safetensors, tokenizer.json.'),
  data: dataSchema,
  method: methodSchema,
  training: trainingSchema.prefault({}),
  memory: memorySchema.prefault({}),
  samples: samplesSchema.prefault({}),
});

/** A checked config with every default filled in. */
export type RunConfig = z.output<typeof runConfigSchema>;
export type MethodConfig = RunConfig['method'];
export type LoraConfig = Extract<MethodConfig, { type: 'lora' }>;
