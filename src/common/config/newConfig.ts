import { stringify } from 'yaml';

/** What a person chose for a new config. */
export interface NewConfigChoice {
  readonly name: string;
  readonly method: 'full' | 'lora';
  readonly model: string;
  /** Paths relative to the config. */
  readonly train: string;
  readonly eval?: string;
  readonly prompts?: readonly string[];
}

/** Text of a fresh config: what matters is written out with a reason, the rest is left to its default. */
export function newConfigText(choice: NewConfigChoice): string {
  const parts = [
    `# One fine-tuning run. Hover a key for its help; press Run above the first line to start.`,
    `name: ${scalar(choice.name)}`,
    `model: ${scalar(choice.model)}`,
    '',
    ...dataLines(choice),
    '',
    ...methodLines(choice.method),
    '',
    ...trainingLines(choice),
    ...sampleLines(choice),
  ];
  return `${parts.join('\n')}\n`;
}

function dataLines({ train, eval: evaluation }: NewConfigChoice): string[] {
  const evalLine = `eval: ${scalar(evaluation ?? 'data/eval.jsonl')}`;
  return [
    'data:',
    `  train: ${scalar(train)}`,
    evaluation === undefined ? `  # ${evalLine} # 5–10 % of the rows, split by prompt` : `  ${evalLine}`,
    '  max_length: 128 # longer rows are cut; memory grows with it',
  ];
}

function methodLines(method: NewConfigChoice['method']): string[] {
  if (method === 'full') return ['method:', '  type: full # every weight trains'];
  return [
    'method:',
    '  type: lora',
    '  r: 8 # rank: size of the update',
    '  lora_alpha: 16 # scale of the update: lora_alpha / r',
    '  target_modules: all-linear',
  ];
}

/** Starting rates: a built-in model is a thousand times smaller than usual and bears far higher ones. */
const rates = { full: { small: '4.0e-4', usual: '2.0e-5' }, lora: { small: '5.0e-3', usual: '5.0e-4' } };

function trainingLines({ method, model, eval: evaluation }: NewConfigChoice): string[] {
  const rate = rates[method][model.startsWith('builtin:') ? 'small' : 'usual'];
  const hint = method === 'full' ? 'too high and it forgets' : 'about ten times that of full fine-tuning';
  const evalLine = 'eval_steps: 20';
  return [
    'training:',
    '  max_steps: 200',
    `  learning_rate: ${rate} # ${hint}`,
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
  return stringify(text, { lineWidth: 0, defaultStringType: 'PLAIN', blockQuote: false }).trim();
}
