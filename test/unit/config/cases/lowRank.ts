import type { RuleCase } from '../ruleCase';
import { around, gpt2, llama, split } from '../surroundings';

/** The rules that AdaLoRA and WeightLoRA share with LoRA. */
type Keys = Readonly<Record<string, unknown>>;

const method = (keys: Keys) => Object.fromEntries(Object.entries(keys).map(([key, value]) => [`method.${key}`, value]));
const adalora = (keys: Keys = {}): Keys => ({
  ...method({ type: 'adalora', r: undefined, tinit: 20, tfinal: 90, ...keys }),
});
const weightlora = (keys: Keys = {}): Keys => method({ type: 'weightlora', ...keys });
const rows = { data: { train: split(500), sameText: 0, samePrompt: 0 } };

type Rest = Pick<RuleCase, 'id' | 'at'> & Partial<RuleCase>;

/** Both methods with these keys: the rule marks the same place, and its fix ends it. */
function both(keys: Keys, rest: Rest): RuleCase[] {
  return [adalora, weightlora].map(make => ({
    bad: make(keys),
    good: make(),
    severity: 'warning',
    fixed: true,
    ...rest,
  }));
}

const onLlama = { facts: around(llama) };

export const lowRankCases: readonly RuleCase[] = [
  {
    id: 'R01',
    bad: adalora({ init_r: 100, lora_alpha: 64 }),
    good: adalora(),
    ...onLlama,
    at: '100',
    severity: 'error',
    fixed: true,
  },
  {
    ...{ id: 'R01', bad: adalora({ init_r: 100, target_r: 70, lora_alpha: 64 }), good: adalora() },
    ...{ ...onLlama, at: '100', severity: 'error', fixed: true },
  },
  {
    id: 'R01',
    bad: weightlora({ r: 100, lora_alpha: 64 }),
    good: weightlora(),
    ...onLlama,
    at: '100',
    severity: 'error',
    fixed: true,
  },
  {
    ...{ id: 'R01', bad: weightlora({ r: 20, growth: 'smart' }), good: weightlora({ r: 16, growth: 'smart' }) },
    ...{ ...onLlama, at: '20', severity: 'error', fixed: true },
  },
  {
    id: 'R02',
    bad: adalora({ init_r: 64, lora_alpha: 64 }),
    good: adalora(),
    ...onLlama,
    at: '64',
    severity: 'warning',
    fixed: true,
  },
  {
    id: 'R02',
    bad: weightlora({ r: 64, lora_alpha: 64 }),
    good: weightlora(),
    ...onLlama,
    at: '64',
    severity: 'warning',
    fixed: true,
  },
  ...both({ target_modules: ['q_proj'] }, { id: 'R03', ...onLlama, at: '["q_proj"' }),
  ...both({ target_modules: ['up_porj', 'q_proj'] }, { id: 'R04', ...onLlama, at: '"up_porj"', severity: 'error' }),
  ...both({ target_modules: ['q_proj'] }, { id: 'R05', facts: around(gpt2), at: '"q_proj"', severity: 'error' }),
  ...both({ target_modules: ['c_proj'] }, { id: 'R06', facts: around(gpt2), at: '"c_proj"', severity: 'info' }),
  {
    id: 'R07',
    bad: adalora({ lora_alpha: 97 }),
    good: adalora({ lora_alpha: 96 }),
    at: '97',
    severity: 'warning',
    fixed: true,
  },
  {
    id: 'R07',
    bad: weightlora({ lora_alpha: 1 }),
    good: weightlora({ lora_alpha: 2 }),
    at: '1',
    severity: 'warning',
    fixed: true,
  },
  {
    id: 'R07',
    bad: weightlora({ lora_alpha: 80 }),
    good: weightlora({ lora_alpha: 64 }),
    at: '80',
    severity: 'warning',
    fixed: true,
  },
  {
    ...{ id: 'R09', bad: adalora({ adapter: './a' }), at: './a', severity: 'warning', fixed: true },
    ...{ facts: { adapter: { init_r: 6, lora_alpha: 16 } }, goodFacts: { adapter: { init_r: 12, lora_alpha: 16 } } },
  },
  {
    ...{ id: 'R09', bad: weightlora({ adapter: './a' }), at: './a', severity: 'warning' },
    ...{
      facts: { adapter: { r: 8, lora_alpha: 16, use_rslora: true } },
      goodFacts: { adapter: { r: 8, lora_alpha: 16 } },
    },
  },
  ...both({ target_modules: ['up_proj', 'lm_head'] }, { id: 'R10', ...onLlama, at: '["up_proj"' }),
  ...both(
    { target_modules: ['up_proj', 'q_proj'], modules_to_save: ['q_proj'] },
    { id: 'R11', ...onLlama, at: '"q_proj"' },
  ),
  ...both(
    { target_modules: ['up_proj'], layers_to_transform: [1, 9] },
    { id: 'R12', ...onLlama, at: '[1,9]', severity: 'error' },
  ),
  ...both({ lora_dropout: 0.4 }, { id: 'R16', at: '0.4' }),
  {
    id: 'R17',
    bad: adalora({ init_r: 64, target_r: 32, lora_alpha: 64 }),
    good: adalora(),
    facts: rows,
    at: '64',
    severity: 'info',
    fixed: true,
  },
  {
    id: 'R17',
    bad: weightlora({ r: 16, growth: 'dummy' }),
    good: weightlora({ r: 8, growth: 'dummy' }),
    facts: rows,
    at: '16',
    severity: 'info',
    fixed: true,
  },
  ...[adalora, weightlora].flatMap((make): RuleCase[] => [
    {
      id: 'B01',
      bad: { ...make(), 'training.per_device_train_batch_size': 64 },
      good: make(),
      at: '64',
      severity: 'warning',
      fixed: true,
    },
    {
      id: 'L11',
      bad: { ...make(), 'training.weight_decay': 0.1 },
      good: make(),
      at: '0.1',
      severity: 'info',
      fixed: true,
    },
  ]),
  {
    id: 'L01',
    bad: { ...weightlora(), 'training.learning_rate': 1e-5 },
    good: { ...adalora(), 'training.learning_rate': 1e-5 },
    at: '0.00001',
    severity: 'warning',
    fixed: true,
  },
  {
    id: 'L02',
    bad: { ...weightlora(), 'training.learning_rate': 0.1 },
    good: { ...adalora(), 'training.learning_rate': 0.1 },
    at: '0.1',
    severity: 'warning',
    fixed: true,
  },
  { id: 'L08', bad: { ...weightlora(), 'training.max_steps': 60 }, good: weightlora(), at: '0.0005', severity: 'info' },
];
