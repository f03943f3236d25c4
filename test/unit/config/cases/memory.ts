import type { RuleCase } from '../ruleCase';
import { around, full, llama } from '../surroundings';

export const memoryCases: readonly RuleCase[] = [
  {
    id: 'M01',
    bad: {},
    facts: around(llama, { limits: { maxBufferSize: 600_000, maxStorageBufferBindingSize: 2 ** 27 } }),
    goodFacts: around(llama, { limits: { maxBufferSize: 2 ** 28, maxStorageBufferBindingSize: 2 ** 27 } }),
    at: 'training',
    severity: 'error',
    fixed: true,
  },
  {
    id: 'M02',
    bad: {},
    facts: around(llama, { limits: { maxBufferSize: 2 ** 28, maxStorageBufferBindingSize: 600_000 } }),
    goodFacts: around(llama),
    at: 'training',
    severity: 'error',
    fixed: true,
  },
  {
    id: 'M05',
    bad: { 'memory.budget_mib': 20 },
    good: { 'memory.budget_mib': 500 },
    facts: around(llama),
    at: 'training',
    severity: 'error',
    fixed: true,
  },
  {
    id: 'M15',
    bad: { ...full, 'training.learning_rate': 3e-4, 'memory.budget_mib': 12 },
    good: { ...full, 'memory.budget_mib': 500 },
    facts: around(llama),
    at: '"full"',
    severity: 'error',
  },
  { id: 'E01', bad: { 'training.seed': undefined }, good: {}, at: 'training', severity: 'info', fixed: true },
];
