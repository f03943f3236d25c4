export interface TemplateChoices {
  readonly name: string;
  readonly method: 'lora' | 'full';
  readonly model: string;
  /** Path of the training rows, relative to the config. */
  readonly train: string;
}

/** Text of a new config: what most people change, with a word on each; everything else has its default. */
export function configTemplate({ name, method, model, train }: TemplateChoices): string {
  const methodLines =
    method === 'lora'
      ? `  type: lora
  r: 8                              # rank of the update matrices
  lora_alpha: 16                    # scale of the update: lora_alpha / r
  target_modules: all-linear`
      : '  type: full';
  const rate = method === 'lora' ? '1.0e-3' : '3.0e-4';
  return `name: ${quoted(name)}
model: ${quoted(model)}
data:
  train: ${quoted(train)}
  max_length: 256                   # longer rows are cut
method:
${methodLines}
training:
  max_steps: 200
  learning_rate: ${rate}
  per_device_train_batch_size: 4
  gradient_accumulation_steps: 1
  lr_scheduler_type: linear
  warmup_ratio: 0.05
  save_steps: 50
  seed: 42
samples:
  prompts: []                       # completed at each evaluation
`;
}

/** Plain where YAML reads it back as the same text, quoted otherwise. */
function quoted(text: string): string {
  return /^[A-Za-z./][\w./:-]*$/.test(text) && !/^(true|false|null|yes|no|on|off)$/i.test(text) && !text.endsWith(':')
    ? text
    : JSON.stringify(text);
}
