/** Configs of runs that take seconds on a software adapter. */

export const shortName = 'short.peft.yaml';

/** A LoRA run of `steps` small steps with a checkpoint every four. */
export function shortConfig(steps: number, extra = ''): string {
  return `name: short
model: builtin:tiny
data:
  train: data/devil.train.jsonl
  eval: data/short.eval.jsonl
  max_length: 32
method:
  type: lora
  r: 4
  lora_alpha: 8
  lora_dropout: 0.1
training:
  max_steps: ${steps}
  learning_rate: 2.0e-3
  per_device_train_batch_size: 2
  gradient_accumulation_steps: 2
  eval_steps: ${Math.ceil(steps / 2)}
  save_steps: 4
  seed: 7
${extra}samples:
  prompts: ["Define LOVE:"]
  max_new_tokens: 8
`;
}

/** Files of a workspace with the short config and evaluation rows that take no time. */
export function shortFiles(steps: number, extra = ''): Record<string, string> {
  const rows = ['EGG', 'SEA', 'KING'].map(word =>
    JSON.stringify({ prompt: `Define ${word}:`, completion: ' A thing.' }),
  );
  return { [shortName]: shortConfig(steps, extra), 'data/short.eval.jsonl': `${rows.join('\n')}\n` };
}
