import type { RunConfig } from './schema';

const methodNames: Readonly<Record<RunConfig['method']['type'], string>> = {
  full: 'full fine-tuning',
  lora: 'LoRA',
  adalora: 'AdaLoRA',
  weightlora: 'WeightLoRA',
  bottleneck: 'bottleneck adapters',
  prefix: 'prefix-tuning',
  'p-tuning': 'P-tuning',
  'p-tuning-v2': 'P-tuning v2',
  'few-shot': 'few-shot prompting',
};

/** Name and size: `rsLoRA r 8, α 16`, `AdaLoRA r 12 → 8`, `prefix-tuning, 20 tokens`. */
export function describeMethod({ method }: Pick<RunConfig, 'method'>): string {
  const name = methodNames[method.type];
  if ('use_rslora' in method) return `${method.use_rslora ? 'rsLoRA' : name} r ${method.r}, α ${method.lora_alpha}`;
  if ('growth' in method) return `${name}${method.growth === 'none' ? '' : '+'} r ${method.r}, α ${method.lora_alpha}`;
  if ('init_r' in method) return `${name} r ${method.init_r} → ${method.target_r}`;
  if ('num_virtual_tokens' in method) return `${name}, ${method.num_virtual_tokens} tokens`;
  if ('shots' in method) return `${name}, ${method.shots} shots`;
  if ('placement' in method) return `${name} (${method.placement.replace('_', ' ')})`;
  return name;
}
