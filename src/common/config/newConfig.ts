import { stringify } from 'yaml';
import type { ModelFacts } from './facts';
import { startingSection, type MethodChoice, type MethodSection } from './methodChoices';
import { recommendedRate } from './recommendedRate';
import { runConfigSchema } from './schema';

/** What a person chose for a new config. */
export interface NewConfigChoice {
  readonly name: string;
  readonly method: MethodChoice;
  readonly model: string;
  /** Paths relative to the config. */
  readonly train: string;
  readonly eval?: string;
  readonly prompts?: readonly string[];
}

/** Optimizer steps of a fresh config. */
const steps = 200;

/**
 * Text of a fresh config: what matters is written out with a reason, the rest is left to its default. The learning rate is
 * the one recommended for the method, by the model's width where `model` is known.
 */
export function newConfigText(choice: NewConfigChoice, model?: ModelFacts): string {
  const section = startingSection(choice.method, steps);
  const rate = recommendedRate(runConfigSchema.shape.method.parse(section), model);
  const parts = [
    `# One fine-tuning run. Hover a key for its help; press Run above the first line to start.`,
    `name: ${scalar(choice.name)}`,
    `model: ${scalar(choice.model)}`,
    '',
    ...dataLines(choice),
    '',
    ...methodLines(section),
    '',
    ...(rate === undefined ? ['training:', '  seed: 1 # draws the examples'] : trainingLines(choice, rate)),
    ...(choice.method === 'qlora' ? ['', 'memory:', '  quantization: nf4 # four bits a frozen weight'] : []),
    ...sampleLines(choice),
  ];
  return `${parts.join('\n')}\n`;
}

function dataLines({ method, train, eval: evaluation }: NewConfigChoice): string[] {
  const evalLine = `eval: ${scalar(evaluation ?? 'data/eval.jsonl')}`;
  const isLeftOut = evaluation === undefined && method !== 'few-shot';
  return [
    'data:',
    `  train: ${scalar(train)}`,
    isLeftOut ? `  # ${evalLine} # 5–10 % of the rows, split by prompt` : `  ${evalLine}`,
    '  max_length: 128 # longer rows are cut; memory grows with it',
  ];
}

/** What the keys that a fresh config writes out are for. */
const reasons: Readonly<Record<string, string>> = {
  r: 'rank: size of the update',
  init_r: 'rank of every module at first',
  target_r: 'mean rank that is left',
  lora_alpha: 'scale of the update',
  tinit: 'steps before the first pruning',
  tfinal: 'steps after the last one',
  deltaT: 'steps between two',
  orth_reg_weight: 'keeps the directions apart',
  growth: 'adapters that stay grow',
  fat_step: 'steps between two growths',
  placement: 'after attention and after the MLP',
  reduction_factor: 'width of the model / width of the adapter',
  num_virtual_tokens: 'they take room of the context',
  shots: 'examples before the question',
  draws: 'choices of examples; the spread is reported',
};

function methodLines(section: MethodSection): string[] {
  const lines = Object.entries(section).map(([key, value]) => {
    const reason = section.type === 'full' && key === 'type' ? 'every weight trains' : reasons[key];
    return `  ${key}: ${String(value)}${reason === undefined ? '' : ` # ${reason}`}`;
  });
  return ['method:', ...lines];
}

function trainingLines({ method, eval: evaluation }: NewConfigChoice, rate: number): string[] {
  const hint = method === 'full' ? 'too high and it forgets' : 'where to start; PEFT: Sweep… tries others';
  const evalLine = 'eval_steps: 20';
  return [
    'training:',
    `  max_steps: ${steps}`,
    `  learning_rate: ${rate.toExponential()} # ${hint}`,
    '  per_device_train_batch_size: 4',
    '  gradient_accumulation_steps: 2',
    '  warmup_ratio: 0.05',
    '  seed: 1',
    evaluation === undefined ? `  # ${evalLine} # needs data.eval` : `  ${evalLine}`,
    '  save_steps: 100',
  ];
}

function sampleLines({ eval: evaluation, prompts = [] }: NewConfigChoice): string[] {
  if (prompts.length === 0 || evaluation === undefined) return [];
  return ['', 'samples:', '  prompts:', ...prompts.map(prompt => `    - ${scalar(prompt)}`)];
}

function scalar(text: string): string {
  return stringify(text, { lineWidth: 0, defaultStringType: 'PLAIN', blockQuote: false }).replace(/\n$/, '');
}
