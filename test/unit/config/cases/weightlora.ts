import type { RuleCase } from '../ruleCase';
import { around, llama } from '../surroundings';

const weightlora = (keys: Record<string, unknown> = {}): Record<string, unknown> => ({
  'method.type': 'weightlora',
  ...Object.fromEntries(Object.entries(keys).map(([key, value]) => [`method.${key}`, value])),
});

export const weightloraCases: readonly RuleCase[] = [
  {
    id: 'W01',
    bad: weightlora({ k: 28 }),
    good: weightlora({ k: 7 }),
    facts: around(llama),
    at: '28',
    severity: 'warning',
    fixed: true,
  },
  {
    id: 'W02',
    bad: weightlora({ lr_w: 0.001 }),
    good: weightlora(),
    at: '0.001',
    severity: 'warning',
    fixed: true,
  },
  {
    id: 'W03',
    bad: weightlora({ selection_warmup_ratio: 0 }),
    good: weightlora(),
    at: '0',
    severity: 'warning',
    fixed: true,
  },
  {
    id: 'W04',
    bad: weightlora({ lr_w: 50, selection: 'omega' }),
    good: weightlora({ selection: 'omega' }),
    at: 'omega',
    severity: 'info',
    fixed: true,
  },
  {
    id: 'W05',
    bad: weightlora({ growth: 'smart', fat_step: 100 }),
    good: weightlora({ growth: 'smart' }),
    at: 'smart',
    severity: 'warning',
    fixed: true,
  },
];
