import type { MethodConfig, RunConfig } from './schema';

/** What a comparison may set side by side: the methods, and three settings of them that have names of their own. */
export const methodChoices = [
  'few-shot',
  'full',
  'lora',
  'qlora',
  'adalora',
  'weightlora',
  'weightlora+',
  'bottleneck',
  'prefix',
  'p-tuning',
  'p-tuning-v2',
] as const;
export type MethodChoice = (typeof methodChoices)[number];

export function isMethodChoice(value: unknown): value is MethodChoice {
  return methodChoices.some(choice => choice === value);
}

/** The `method.type` behind a choice. */
export function typeOfChoice(choice: MethodChoice): MethodConfig['type'] {
  if (choice === 'qlora') return 'lora';
  return choice === 'weightlora+' ? 'weightlora' : choice;
}

/** The choice that a config is. */
export function choiceOf({ method, memory }: Pick<RunConfig, 'method' | 'memory'>): MethodChoice {
  const isPacked = memory.quantization !== 'none' && memory.quantization !== 'f16';
  if (method.type === 'lora' && isPacked) return 'qlora';
  return method.type === 'weightlora' && method.growth !== 'none' ? 'weightlora+' : method.type;
}

/** A `method` section as it stands in a config, before defaults. */
export type MethodSection = Readonly<Record<string, unknown>> & { readonly type: MethodConfig['type'] };

/**
 * What to start a method from where the base config has another one: what matters is written out, the rest is left to its
 * default. AdaLoRA's schedule follows the length of the run (10 % before, 45 % after the pruning, two hundred allocations).
 *
 * @param totalSteps optimizer steps of the run; 0 if unknown.
 */
export function startingSection(choice: MethodChoice, totalSteps: number): MethodSection {
  const type = typeOfChoice(choice);
  const lora = { lora_alpha: 32, target_modules: 'all-linear' };
  switch (choice) {
    case 'full':
      return { type };
    case 'few-shot':
      return { type, shots: 4, draws: 3 };
    case 'lora':
    case 'qlora':
      return { type, r: 16, ...lora };
    case 'adalora':
      return { type, init_r: 12, target_r: 8, ...lora, ...adaloraSchedule(totalSteps), orth_reg_weight: 0.1 };
    case 'weightlora':
      return { type, r: 8, ...lora };
    case 'weightlora+':
      return { type, r: 4, ...lora, growth: 'smart', fat_step: Math.max(1, Math.round(totalSteps / 10)) };
    case 'bottleneck':
      return { type, placement: 'houlsby', non_linearity: 'gelu', reduction_factor: 16 };
    case 'prefix':
      return { type, num_virtual_tokens: 20, init_weights: 'zero' };
    case 'p-tuning':
      return { type, num_virtual_tokens: 20, encoder_reparameterization_type: 'MLP' };
    case 'p-tuning-v2':
      return { type, num_virtual_tokens: 20, prefix_dropout: 0.1 };
  }
}

function adaloraSchedule(totalSteps: number): Readonly<Record<string, number>> {
  if (totalSteps === 0) return {};
  const part = (share: number): number => Math.round(totalSteps * share);
  return { tinit: part(0.1), tfinal: part(0.45), deltaT: Math.max(1, part(1 / 200)) };
}

/** The section with its size set: rank, width or virtual tokens. Undefined where the method has no size to choose. */
export function resized(section: MethodSection, size: number): MethodSection | undefined {
  switch (section.type) {
    case 'lora':
    case 'weightlora':
      return { ...section, r: size };
    case 'adalora':
      return { ...section, init_r: size, target_r: Math.max(1, Math.round((size * 2) / 3)) };
    case 'bottleneck': {
      const { reduction_factor: _, ...rest } = section;
      return { ...rest, type: section.type, bottleneck_size: size };
    }
    case 'prefix':
    case 'p-tuning-v2':
      return { ...section, num_virtual_tokens: size };
    case 'p-tuning':
      return { ...section, encoder_hidden_size: size };
    case 'full':
    case 'few-shot':
      return undefined;
  }
}
