import { atOrType, removal, setting, type Finding, type LintContext, type Rule } from '../rule';
import type { AdaloraConfig } from '../schema';
import type { Fix } from '../edits';

const at = (key: string) => ['method', key];

/** What a rule says of an AdaLoRA run; nothing for other methods. */
function forAdalora(check: (method: AdaloraConfig, context: LintContext) => readonly Finding[]): Rule['check'] {
  return context => (context.config.method.type === 'adalora' ? check(context.config.method, context) : []);
}

/** As {@link forAdalora}, where the length of the schedule is known: `steps` in all, `window` between tinit and tfinal. */
function withSteps(
  check: (method: AdaloraConfig, steps: { readonly total: number; readonly window: number }) => readonly Finding[],
): Rule['check'] {
  return forAdalora((method, { plan }) => {
    const total = method.total_step ?? plan.totalSteps;
    return total === undefined ? [] : check(method, { total, window: total - method.tinit - method.tfinal });
  });
}

/** A tenth of the run before and 45 % after the window. */
function usualPhases(total: number): Fix {
  const edits = [
    { op: 'set' as const, path: at('tinit'), value: Math.floor(0.1 * total) },
    { op: 'set' as const, path: at('tfinal'), value: Math.floor(0.45 * total) },
  ];
  return { title: `Set tinit to ${edits[0].value} and tfinal to ${edits[1].value}`, edits, preferred: true };
}

const noSteps: Rule = {
  id: 'A01',
  severity: 'error',
  title: 'total_step is not above 0',
  why: 'The budget falls over total_step optimizer steps; PEFT refuses anything else.',
  advice: 'Remove the key: it is then the number of steps of the run.',
  // The schema holds this bound, so the parser reports it under this id.
  check: () => [],
};

const otherSteps: Rule = {
  id: 'A02',
  severity: 'error',
  title: 'total_step is not the length of the run',
  why: 'With too large a number the final choice of ranks never comes, with too small a one it comes early.',
  advice: 'Remove the key: it is then the number of steps of the run.',
  check: forAdalora((method, { plan }) => {
    const { total_step: given } = method;
    if (given === undefined || plan.totalSteps === undefined || given === plan.totalSteps) return [];
    const message = `total_step is ${given}, but the run has ${plan.totalSteps} optimizer steps.`;
    return [{ path: at('total_step'), message, fixes: [removal(at('total_step'))] }];
  }),
};

const noWindow: Rule = {
  id: 'A03',
  severity: 'error',
  title: 'No steps to give ranks out',
  why:
    'Ranks change after tinit steps and until tfinal steps before the end. PEFT refuses a schedule without such steps ' +
    '(huggingface/peft #2337 shows what happened before it did).',
  advice: 'Lower tinit or tfinal, or train longer.',
  check: withSteps((method, { total, window }) => {
    if (window > 0) return [];
    const message = `Of ${total} steps, tinit ${method.tinit} and tfinal ${method.tfinal} leave none to give ranks out.`;
    const path = method.tfinal >= method.tinit ? at('tfinal') : at('tinit');
    return [{ path, message, fixes: total >= 3 ? [usualPhases(total)] : [] }];
  }),
};

const nothingToPrune: Rule = {
  id: 'A04',
  severity: 'error',
  title: 'target_r is not below init_r',
  why: 'The budget must fall from init_r to target_r; otherwise nothing is ever pruned, and PEFT stops with an error.',
  advice: 'Set init_r to 1.5 times target_r, or use plain LoRA.',
  check: forAdalora(({ init_r, target_r }) => {
    if (target_r < init_r) return [];
    const message = `target_r ${target_r} is not below init_r ${init_r}: there is nothing to prune.`;
    return [{ path: at('target_r'), message, fixes: [setting(at('init_r'), Math.ceil(1.5 * target_r))] }];
  }),
};

const ignoredRank: Rule = {
  id: 'A05',
  severity: 'warning',
  title: 'r has no effect',
  why: 'AdaLoRA starts with init_r triplets per matrix and ends with target_r on average; PEFT ignores r with a warning.',
  advice: 'Use init_r.',
  check: forAdalora(({ r }) => {
    if (r === undefined || r === 8) return [];
    const message = `r ${r} is ignored: AdaLoRA reads init_r and target_r.`;
    return [{ path: at('r'), message, fixes: [removal(at('r'))] }];
  }),
};

/** An interval that gives about fifty allocations. */
function usualInterval(window: number): Fix {
  return setting(at('deltaT'), Math.max(1, Math.floor(window / 50)));
}

const noAllocation: Rule = {
  id: 'A06',
  severity: 'warning',
  title: 'Ranks are given out only once',
  why: 'With deltaT above the number of steps between tinit and tfinal only the final choice is left.',
  advice: 'Set deltaT to a twentieth of these steps or less.',
  check: withSteps(({ deltaT }, { window }) => {
    if (window <= 0 || deltaT <= window) return [];
    const message = `deltaT ${deltaT} is above the ${window} steps between tinit and tfinal.`;
    return [{ path: at('deltaT'), message, fixes: [usualInterval(window)] }];
  }),
};

const weakScale: Rule = {
  id: 'A07',
  severity: 'warning',
  title: 'The update is scaled very weakly',
  why:
    'The update is multiplied by lora_alpha / init_r, also after pruning. With 8 / 64 AdaLoRA fell behind LoRA in ' +
    "PEFT's method comparison for this reason alone.",
  advice: 'Set lora_alpha to 32, or to init_r and more.',
  check: forAdalora(({ init_r, lora_alpha }) => {
    const scale = lora_alpha / init_r;
    if (scale >= 0.25) return [];
    const message = `lora_alpha / init_r is ${Number(scale.toPrecision(3))}: the update hardly moves the model.`;
    return [{ path: at('lora_alpha'), message, fixes: [setting(at('lora_alpha'), Math.max(32, init_r))] }];
  }),
};

const betas: Rule = {
  id: 'A08',
  severity: 'error',
  title: 'beta1 or beta2 out of range',
  why: 'Running means need a decay between 0 and 1; PEFT refuses the ends, which would keep nothing or never move.',
  advice: 'Use 0.85.',
  // The schema holds these bounds, so the parser reports them under this id.
  check: () => [],
};

const shortEnd: Rule = {
  id: 'A09',
  severity: 'warning',
  title: 'Pruned ranks are hardly trained',
  why: "What is left after the last pruning must be tuned: the authors' GLUE scripts give it 44–58 % of the steps.",
  advice: 'Set tfinal to 40–50 % of the steps.',
  check: context =>
    withSteps(({ tinit, tfinal }, { total, window }) => {
      if (window <= 0 || tfinal >= 0.2 * total) return [];
      const message = `Only the last ${tfinal} of ${total} steps train with the final ranks.`;
      const wanted = Math.min(Math.ceil(0.45 * total), total - tinit - 1);
      const fixes = wanted >= 0.2 * total ? [setting(at('tfinal'), wanted)] : [];
      return [{ path: atOrType(context, at('tfinal')), message, fixes }];
    })(context),
};

const shortStart: Rule = {
  id: 'A10',
  severity: 'warning',
  title: 'Pruning begins before scores mean something',
  why: 'A and B start at random and E at zero; the reference scripts train 9–18 % of the steps before they prune.',
  advice: 'Set tinit to 10 % of the steps.',
  check: context =>
    withSteps(({ tinit, tfinal }, { total, window }) => {
      if (window <= 0 || tinit >= 0.05 * total) return [];
      const message = `Pruning begins after ${tinit} of ${total} steps.`;
      const wanted = Math.ceil(0.1 * total);
      const fixes = wanted + tfinal < total ? [setting(at('tinit'), wanted)] : [];
      return [{ path: atOrType(context, at('tinit')), message, fixes }];
    })(context),
};

const microSteps: Rule = {
  id: 'A11',
  severity: 'error',
  title: 'The schedule counts micro-batches',
  why: 'A counter of micro-batches runs past the schedule and ranks never change (huggingface/peft #1801).',
  advice: 'Nothing to do: the engine counts optimizer steps whatever the accumulation.',
  // The engine holds this; its tests compare the budget at different accumulations.
  check: () => [],
};

const mixedLoss: Rule = {
  id: 'A12',
  severity: 'warning',
  title: 'The loss contains the orthogonality term',
  why: "PEFT adds the term to every loss, in evaluation too, so that its losses are not comparable with LoRA's.",
  advice: 'Nothing to do: loss and eval loss are those of the task, the term is a curve of its own.',
  // The engine holds this; its tests compare losses at different weights of the term.
  check: () => [],
};

const fewAllocations: Rule = {
  id: 'A13',
  severity: 'info',
  title: 'Fewer than 50 allocations of ranks',
  why: 'Scores are noisy; with few allocations one unlucky step decides about many triplets.',
  advice: 'Lower deltaT, or lengthen the steps between tinit and tfinal.',
  check: context =>
    withSteps(({ deltaT }, { window }) => {
      const allocations = Math.floor(window / deltaT);
      if (window <= 0 || deltaT > window || allocations >= 50) return [];
      const message = `Ranks are given out only ${allocations} times.`;
      const fixes = deltaT > 1 && window >= 50 ? [usualInterval(window)] : [];
      return [{ path: atOrType(context, at('deltaT')), message, fixes }];
    })(context),
};

export const adaloraRules: readonly Rule[] = [
  noSteps,
  otherSteps,
  noWindow,
  nothingToPrune,
  ignoredRank,
  noAllocation,
  weakScale,
  betas,
  shortEnd,
  shortStart,
  microSteps,
  mixedLoss,
  fewAllocations,
];
