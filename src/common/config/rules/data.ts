import type { SplitFacts } from '../facts';
import { removal, setting, share, type Finding, type LintContext, type Rule } from '../rule';

/** A row without loss tokens is left out by the engine, so a few of them are no reason to refuse a run. */
function noLoss(split: SplitFacts, maxLength: number, kind: 'never' | 'cut'): number {
  const { firstLoss = [] } = split;
  return firstLoss.filter(first => (kind === 'never' ? first === Infinity : first !== Infinity && first >= maxLength))
    .length;
}

function splits({ facts }: LintContext): { key: 'train' | 'eval'; split: SplitFacts }[] {
  return (['train', 'eval'] as const).flatMap(key => {
    const split = facts.data?.[key];
    return split === undefined || split.problem !== undefined ? [] : [{ key, split }];
  });
}

function lossFindings(context: LintContext, kind: 'never' | 'cut'): Finding[] {
  const limit = context.config.data.max_length;
  return splits(context).flatMap(({ key, split }) => {
    const bad = noLoss(split, limit, kind);
    if (bad === 0) return [];
    const measured = split.firstLoss?.length ?? 0;
    const severity = bad === measured ? 'error' : 'warning';
    if (kind === 'never') {
      const message = `${share(bad, measured)} rows of data.${key} have no token to learn from and are skipped.`;
      return [{ path: ['data', key], severity, message }];
    }
    const message =
      `In ${share(bad, measured)} rows of data.${key} the prompt alone fills max_length ${limit}: ` +
      'the completion is cut off and the row is skipped.';
    return [{ path: ['data', 'max_length'], severity, message, fixes: raiseLength(context, split) }];
  });
}

/** Raising `max_length` to the longest row, as far as the model goes. */
function raiseLength({ config, facts }: LintContext, { tokens = [] }: SplitFacts) {
  const longest = tokens.reduce((most, count) => Math.max(most, count), 0);
  const wanted = Math.min(longest, facts.model?.maxPositions ?? longest);
  return wanted > config.data.max_length ? [setting(['data', 'max_length'], wanted)] : [];
}

const noLossTokens: Rule = {
  id: 'D01',
  severity: 'error',
  title: 'Rows without a token to learn from',
  why:
    'The loss is divided by the number of loss tokens; a row whose completion is empty, or whose labels are all -100, adds ' +
    'nothing and would divide by zero on its own. Such rows are skipped and counted; it is an error when all are.',
  advice: 'Give each row a completion, or remove the row.',
  check: context => lossFindings(context, 'never'),
};

const completionCutAway: Rule = {
  id: 'D05',
  severity: 'error',
  title: 'The prompt fills the whole window',
  why: 'Rows longer than max_length are cut at the end, so a prompt of max_length tokens leaves no completion to learn.',
  advice: 'Raise data.max_length or shorten the prompts.',
  check: context => lossFindings(context, 'cut'),
};

const truncated: Rule = {
  id: 'D06',
  severity: 'warning',
  title: 'More than 5 % of the rows are cut',
  why: 'What is cut off is the end of the completion: the model never learns to finish, and the end token is lost.',
  advice: 'Raise data.max_length, or split long rows.',
  check: context =>
    splits(context).flatMap(({ key, split }) => {
      const tokens = split.tokens ?? [];
      const limit = context.config.data.max_length;
      const cut = tokens.filter(count => count > limit).length;
      if (cut <= 0.05 * tokens.length) return [];
      const message = `${share(cut, tokens.length)} rows of data.${key} are longer than max_length ${limit} and lose their end.`;
      return [{ path: ['data', 'max_length'], message, fixes: raiseLength(context, split) }];
    }),
};

const leakedRows: Rule = {
  id: 'D08',
  severity: 'error',
  title: 'The same text in training and evaluation rows',
  why: 'Text the model has trained on makes the eval loss look better than it is, and the wrong checkpoint wins.',
  advice: 'Remove the shared rows from one of the files.',
  check: ({ facts }) => {
    const found = facts.data?.sameText ?? 0;
    if (found === 0) return [];
    const message = `${share(found, facts.data?.eval?.rows ?? found)} evaluation rows are also training rows.`;
    return [{ path: ['data', 'eval'], message }];
  },
};

const leakedPrompts: Rule = {
  id: 'D09',
  severity: 'warning',
  title: 'The same prompt in training and evaluation rows',
  why: 'A prompt with another answer in training still tells the model what is asked, so the eval loss is too low.',
  advice: 'Split the data by prompt, not by row.',
  check: ({ facts }) => {
    const found = facts.data?.samePrompt ?? 0;
    if (found === 0) return [];
    const message = `${share(found, facts.data?.eval?.rows ?? found)} evaluation rows share their prompt with a training row.`;
    return [{ path: ['data', 'eval'], message }];
  },
};

const duplicates: Rule = {
  id: 'D10',
  severity: 'info',
  title: 'More than 1 % duplicate training rows',
  why: 'A repeated row silently counts more than the others.',
  advice: 'Remove the repetitions unless the weighting is meant.',
  check: ({ facts }) => {
    const train = facts.data?.train;
    if (train === undefined || train.duplicates <= 0.01 * train.rows) return [];
    return [
      {
        path: ['data', 'train'],
        message: `${share(train.duplicates, train.rows)} training rows repeat an earlier row.`,
      },
    ];
  },
};

const noEval: Rule = {
  id: 'D11',
  severity: 'error',
  title: 'Evaluation is asked for but there are no evaluation rows',
  why: 'The best checkpoint is the one with the lowest eval loss; without evaluation rows there is none.',
  advice: 'Name a data.eval file with 5–10 % of the rows, or switch evaluation off.',
  check: ({ config }) => {
    if (config.data.eval !== undefined) return [];
    const { load_best_model_at_end: best, eval_steps: steps } = config.training;
    const findings: Finding[] = [];
    if (best) {
      const path = ['training', 'load_best_model_at_end'];
      const message = 'load_best_model_at_end needs data.eval: without it no checkpoint is the best.';
      findings.push({ path, message, fixes: [removal(path)] });
    }
    if (config.training.eval_exact_match) {
      const path = ['training', 'eval_exact_match'];
      const message = 'eval_exact_match needs data.eval: there is no row to complete.';
      findings.push({ path, message, fixes: [removal(path)] });
    }
    if (steps !== undefined && config.samples.prompts.length === 0) {
      const path = ['training', 'eval_steps'];
      const message = `eval_steps ${steps} has nothing to do: there is neither data.eval nor a sample prompt.`;
      findings.push({ path, message, fixes: [removal(path)] });
    }
    return findings;
  },
};

const smallEval: Rule = {
  id: 'D12',
  severity: 'warning',
  title: 'Fewer than 50 evaluation rows',
  why: 'With fewer than 50 rows chance alone moves a rate by more than 7 points (binomial standard error).',
  advice: 'Put more rows into data.eval, or read differences with care.',
  check: ({ facts }) => {
    const split = facts.data?.eval;
    if (split === undefined || split.problem !== undefined || split.rows >= 50) return [];
    return [
      { path: ['data', 'eval'], message: `data.eval has only ${split.rows} rows; small differences are chance.` },
    ];
  },
};

export const dataRules: readonly Rule[] = [
  noLossTokens,
  completionCutAway,
  truncated,
  leakedRows,
  leakedPrompts,
  duplicates,
  noEval,
  smallEval,
];
