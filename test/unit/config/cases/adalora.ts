import type { RuleCase } from '../ruleCase';

/** An AdaLoRA config that no rule objects to, over 200 steps. */
const adalora = (keys: Record<string, unknown> = {}): Record<string, unknown> => ({
  'method.type': 'adalora',
  'method.tinit': 20,
  'method.tfinal': 90,
  ...Object.fromEntries(Object.entries(keys).map(([key, value]) => [`method.${key}`, value])),
});

/** What is wrong with a key, where marks point, and how bad it is; each fix must end it. */
function bad(id: string, keys: Record<string, unknown>, at: string, severity: RuleCase['severity']): RuleCase {
  return { id, bad: adalora(keys), good: adalora(), at, severity, fixed: true };
}

export const adaloraCases: readonly RuleCase[] = [
  bad('A02', { total_step: 100, tfinal: 45 }, '100', 'error'),
  bad('A03', { tinit: 120 }, '120', 'error'),
  bad('A03', { tfinal: 180 }, '180', 'error'),
  bad('A04', { target_r: 12 }, '12', 'error'),
  bad('A05', { r: 16 }, '16', 'warning'),
  bad('A06', { deltaT: 91 }, '91', 'warning'),
  bad('A07', { lora_alpha: 2 }, '2', 'warning'),
  bad('A09', { tfinal: 39 }, '39', 'warning'),
  bad('A09', { tfinal: undefined }, 'adalora', 'warning'),
  bad('A10', { tinit: 9 }, '9', 'warning'),
  bad('A10', { tinit: undefined }, 'adalora', 'warning'),
  bad('A13', { deltaT: 3 }, '3', 'info'),
  { ...bad('A13', { tinit: 70 }, 'adalora', 'info'), fixed: false },
];
