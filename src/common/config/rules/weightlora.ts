import { setting, type LintContext, type Rule } from '../rule';
import type { WeightloraConfig } from '../schema';

function weightlora({ config }: LintContext): WeightloraConfig | undefined {
  return config.method.type === 'weightlora' ? config.method : undefined;
}

/** Adapters at the start, where the model is known. */
function adapters(context: LintContext): number | undefined {
  const method = weightlora(context);
  if (method === undefined) return undefined;
  const selection = context.facts.model?.select(method);
  return selection === undefined || 'problem' in selection ? undefined : selection.targets.length;
}

const nothingToSelect: Rule = {
  id: 'W01',
  severity: 'warning',
  title: 'WeightLoRA has nothing to drop',
  why: 'With k at or above the number of adapters the selection keeps them all, and ω is a slower way to scale B.',
  advice: 'Keep about a quarter of the adapters.',
  check: context => {
    const method = weightlora(context);
    const count = adapters(context);
    if (method?.k === undefined || count === undefined || method.growth !== 'none' || method.k < count) return [];
    const quarter = Math.max(1, Math.floor(count / 4));
    const message = `k is ${method.k}, but the model gets only ${count} adapters.`;
    return [{ path: ['method', 'k'], message, fixes: [setting(['method', 'k'], quarter)] }];
  },
};

const slowOmega: Rule = {
  id: 'W02',
  severity: 'warning',
  title: 'ω will hardly move',
  why: "Each ω has one gradient and plain SGD: at rates near AdamW's it stays at 1. The authors use 5.0.",
  advice: 'Set lr_w to 1–5.',
  check: context => {
    const method = weightlora(context);
    if (method === undefined || method.lr_w > 10 * context.config.training.learning_rate) return [];
    const message = `lr_w ${method.lr_w} is not above ten times learning_rate.`;
    return [{ path: ['method', 'lr_w'], message, fixes: [setting(['method', 'lr_w'], 5)] }];
  },
};

const earlySelection: Rule = {
  id: 'W03',
  severity: 'warning',
  title: 'Adapters are selected before they could show anything',
  why: 'B starts at zero, so ω has no gradient at the first step and little at the next ones: the choice is near chance.',
  advice: 'Give at least a twentieth of the steps to the warm-up.',
  check: context => {
    const method = weightlora(context);
    if (method?.growth !== 'none' || method.selection_warmup_ratio >= 0.05) return [];
    const message = `The first selection comes after ${100 * method.selection_warmup_ratio} % of the steps.`;
    const path = ['method', 'selection_warmup_ratio'];
    return [{ path, message, fixes: [setting(path, 0.1)] }];
  },
};

const signedSelection: Rule = {
  id: 'W04',
  severity: 'info',
  title: 'A strongly negative ω is dropped first',
  why: 'The signed ω ranks, as in the authors’ code; an adapter that subtracts much is as useful as one that adds much.',
  advice: 'Use selection: omega_norm to rank by size, if negative ω appear.',
  check: context => {
    const method = weightlora(context);
    if (method?.growth !== 'none' || method.selection !== 'omega' || method.lr_w <= 10) return [];
    const message = `With lr_w ${method.lr_w} ω may become negative, and signed selection drops what is negative.`;
    return [{ path: ['method', 'selection'], message, fixes: [setting(['method', 'selection'], 'omega_norm')] }];
  },
};

const shortGrowth: Rule = {
  id: 'W05',
  severity: 'warning',
  title: 'The run ends before the ranks have grown',
  why: 'Growth happens at multiples of fat_step, max_fat_steps times; each growth restarts Adam’s moments and needs steps to use the new directions.',
  advice: 'Lower fat_step, or train longer.',
  check: context => {
    const method = weightlora(context);
    const { totalSteps } = context.plan;
    if (method === undefined || method.growth === 'none' || totalSteps === undefined) return [];
    const last = method.max_fat_steps * (method.fat_step ?? 10);
    if (last < totalSteps * 0.8) return [];
    const message = `The last of ${method.max_fat_steps} growths comes at step ${last} of ${totalSteps}.`;
    const every = Math.max(1, Math.floor(totalSteps / (4 * method.max_fat_steps)));
    return [{ path: ['method', 'growth'], message, fixes: [setting(['method', 'fat_step'], every)] }];
  },
};

export const weightloraRules: readonly Rule[] = [
  nothingToSelect,
  slowOmega,
  earlySelection,
  signedSelection,
  shortGrowth,
];
