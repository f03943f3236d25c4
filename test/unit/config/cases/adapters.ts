import type { RuleCase } from '../ruleCase';
import { around, llama } from '../surroundings';

/** A bottleneck adapter in place of LoRA, with keys of its own. */
const bottleneck = (keys: Record<string, unknown> = {}): Record<string, unknown> => ({
  'method.type': 'bottleneck',
  'method.r': undefined,
  'method.lora_alpha': undefined,
  ...Object.fromEntries(Object.entries(keys).map(([key, value]) => [`method.${key}`, value])),
});

export const adapterCases: readonly RuleCase[] = [
  {
    id: 'X01',
    bad: bottleneck({ reduction_factor: 200 }),
    good: bottleneck({ reduction_factor: 128 }),
    facts: around(llama),
    at: '200',
    severity: 'error',
    fixed: true,
  },
  {
    id: 'X01',
    bad: bottleneck({ bottleneck_size: 128 }),
    good: bottleneck({ bottleneck_size: 127 }),
    facts: around(llama),
    at: '128',
    severity: 'warning',
    fixed: true,
  },
  {
    id: 'X02',
    bad: bottleneck({ init_weights: 'bert' }),
    good: bottleneck({ init_weights: 'mam_adapter' }),
    at: '"bert"',
    severity: 'warning',
    fixed: true,
  },
  {
    id: 'L14',
    bad: { ...bottleneck(), 'training.learning_rate': 1e-5 },
    good: bottleneck(),
    facts: around(llama),
    at: '0.00001',
    severity: 'warning',
    fixed: true,
  },
  {
    id: 'L14',
    bad: { ...bottleneck(), 'training.learning_rate': 0.004 },
    facts: { model: { ...llama.facts, hiddenSize: 1000 } },
    goodFacts: around(llama),
    at: '0.004',
    severity: 'warning',
    fixed: true,
  },
  {
    id: 'X10',
    bad: bottleneck({ placement: 'residual_series', non_linearity: 'gelu' }),
    good: bottleneck({ placement: 'houlsby', non_linearity: 'gelu' }),
    at: '"gelu"',
    severity: 'warning',
    fixed: true,
  },
];
