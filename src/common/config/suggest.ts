/**
 * Words people bring from other tools, and the key that means the same here. Only names that a distance of a few letters
 * would not find.
 */
const synonyms: Readonly<Record<string, string>> = {
  lr: 'learning_rate',
  rank: 'r',
  lora_r: 'r',
  lora_rank: 'r',
  alpha: 'lora_alpha',
  dropout: 'lora_dropout',
  epochs: 'num_train_epochs',
  num_epochs: 'num_train_epochs',
  steps: 'max_steps',
  batch_size: 'per_device_train_batch_size',
  micro_batch_size: 'per_device_train_batch_size',
  train_batch_size: 'per_device_train_batch_size',
  eval_batch_size: 'per_device_eval_batch_size',
  grad_accum: 'gradient_accumulation_steps',
  accumulation: 'gradient_accumulation_steps',
  accumulation_steps: 'gradient_accumulation_steps',
  scheduler: 'lr_scheduler_type',
  lr_scheduler: 'lr_scheduler_type',
  warmup: 'warmup_steps',
  clip: 'max_grad_norm',
  grad_clip: 'max_grad_norm',
  gradient_clipping: 'max_grad_norm',
  beta1: 'adam_beta1',
  beta2: 'adam_beta2',
  epsilon: 'adam_epsilon',
  max_seq_length: 'max_length',
  max_seq_len: 'max_length',
  sequence_len: 'max_length',
  cutoff_len: 'max_length',
  block_size: 'max_length',
  model_name_or_path: 'model',
  base_model: 'model',
  dataset: 'train',
  train_file: 'train',
  validation: 'eval',
  validation_file: 'eval',
  test: 'eval',
  quant_type: 'quantization',
  bnb_4bit_quant_type: 'quantization',
  bnb_4bit_use_double_quant: 'double_quant',
  use_double_quant: 'double_quant',
  blocksize: 'block_size',
  budget: 'budget_mib',
  memory_budget: 'budget_mib',
  targets: 'target_modules',
  lora_target_modules: 'target_modules',
  layers: 'layers_to_transform',
  ratio: 'loraplus_lr_ratio',
  lora_plus_ratio: 'loraplus_lr_ratio',
  checkpoint_steps: 'save_steps',
  save_every: 'save_steps',
  eval_every: 'eval_steps',
  early_stopping: 'load_best_model_at_end',
};

/** The key that a foreign word stands for, or undefined. */
export function synonymOf(word: string): string | undefined {
  const normal = normalise(word);
  return Object.hasOwn(synonyms, normal) ? synonyms[normal] : undefined;
}

/** The candidate nearest to `word`, if near enough to be what was meant (a third of its letters, at least one). */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const target = normalise(word);
  if (target.length > 64) return undefined;
  const limit = Math.max(1, Math.floor(target.length / 3));
  let best: string | undefined;
  let bestDistance = limit + 1;
  for (const candidate of candidates) {
    const distance = editDistance(target, normalise(candidate));
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** Letters to insert, delete, replace, or swap with a neighbour, to get from `a` to `b` (optimal string alignment). */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1));
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) cost = Math.min(cost, beforeLast[j - 2] + 1);
      row.push(cost);
    }
    [beforeLast, last] = [last, row];
  }
  return last[b.length];
}

/** `maxLength`, `max-length` and `max_length` are the same word. */
function normalise(word: string): string {
  return word
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/[-\s]+/g, '_')
    .toLowerCase();
}
