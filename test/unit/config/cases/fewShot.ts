import type { RuleCase } from '../ruleCase';
import { around, gpt2, llama, split } from '../surroundings';

/** Few-shot prompting in place of LoRA, with keys of its own. */
export const fewShot = (
  keys: Record<string, unknown> = {},
  more: Record<string, unknown> = {},
): Record<string, unknown> => ({
  'method.type': 'few-shot',
  'method.r': undefined,
  'method.lora_alpha': undefined,
  'data.eval': 'eval.jsonl',
  ...Object.fromEntries(Object.entries(keys).map(([key, value]) => [`method.${key}`, value])),
  ...more,
});

const data = {
  train: split(5, { tokens: [10, 10, 10, 10, 24] }),
  eval: split(2, { tokens: [12, 8] }),
  sameText: 0,
  samePrompt: 0,
};

export const fewShotCases: readonly RuleCase[] = [
  {
    id: 'P05',
    bad: fewShot({ shots: 5 }),
    good: fewShot({ shots: 3 }),
    facts: around(gpt2, { data }),
    at: '5',
    severity: 'error',
    fixed: true,
  },
  {
    id: 'P05',
    bad: fewShot({ shots: 4 }),
    good: fewShot({ shots: 3 }),
    facts: around(gpt2, { data }),
    at: '4',
    severity: 'warning',
    fixed: true,
  },
  {
    id: 'P09',
    bad: fewShot({}, { 'data.eval': undefined }),
    good: fewShot(),
    facts: around(llama),
    at: 'data',
    severity: 'error',
  },
  {
    id: 'P10',
    bad: fewShot({ draws: 2 }),
    good: fewShot({ draws: 3 }),
    facts: around(llama),
    at: '2',
    severity: 'info',
    fixed: true,
  },
];
