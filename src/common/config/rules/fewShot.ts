import { setting, type LintContext, type Rule } from '../rule';
import type { FewShotConfig } from '../schema';

const shotsPath = ['method', 'shots'];

function fewShotOf({ config: { method } }: LintContext): FewShotConfig | undefined {
  return method.type === 'few-shot' ? method : undefined;
}

/** Tokens of the `count` longest rows together. */
function longest(tokens: readonly number[], count: number): number {
  return [...tokens]
    .sort((a, b) => b - a)
    .slice(0, count)
    .reduce((sum, value) => sum + value, 0);
}

const beyondPositions: Rule = {
  id: 'P05',
  severity: 'error',
  title: 'Shots and row are beyond the positions of the model',
  why: 'Shots, prompt and completion stand in one text, and the model has no positions past its last one.',
  advice: 'Show fewer or shorter rows.',
  check: context => {
    const method = fewShotOf(context);
    const { model, data } = context.facts;
    const train = data?.train?.tokens ?? [];
    const rows = data?.eval?.tokens ?? [];
    if (method === undefined || model === undefined || train.length === 0 || rows.length === 0) return [];
    const row = longest(rows, 1);
    const most = longest(train, method.shots) + row;
    if (most <= model.maxPositions) return [];
    const mean = train.reduce((sum, count) => sum + count, 0) / train.length;
    const usual = Math.ceil(mean * Math.min(method.shots, train.length) + row);
    const fitting = Array.from({ length: method.shots }, (_, fewer) => method.shots - fewer - 1).find(
      shots => longest(train, shots) + row <= model.maxPositions,
    );
    return [
      {
        path: shotsPath,
        message:
          usual > model.maxPositions
            ? `${method.shots} shots and a row take about ${usual} tokens; the model has ${model.maxPositions} positions.`
            : `${method.shots} long shots and a row take up to ${most} tokens; the model has ${model.maxPositions} positions.`,
        severity: usual > model.maxPositions ? 'error' : 'warning',
        fixes: fitting === undefined ? [] : [setting(shotsPath, fitting)],
      },
    ];
  },
};

const nothingAsked: Rule = {
  id: 'P09',
  severity: 'error',
  title: 'Few-shot prompting without evaluation rows',
  why: 'Nothing trains: the run is its evaluation.',
  advice: 'Set data.eval.',
  check: context =>
    fewShotOf(context) === undefined || context.config.data.eval !== undefined
      ? []
      : [{ path: ['data'], part: 'key', message: 'Few-shot prompting has no rows to ask: data.eval is not set.' }],
};

const fewDraws: Rule = {
  id: 'P10',
  severity: 'info',
  title: 'Few draws of shots',
  why: 'Which rows are shown, and in which order, changes results by several points; a deviation needs three draws or more.',
  advice: 'Draw at least three times.',
  check: context => {
    const method = fewShotOf(context);
    if (method === undefined || method.shots === 0 || method.draws >= 3) return [];
    const path = ['method', 'draws'];
    const message = `${method.draws === 1 ? 'One draw says' : 'Two draws say'} little about the spread of the results.`;
    return [{ path, message, fixes: [setting(path, 3)] }];
  },
};

/** Rules for few-shot prompting. */
export const fewShotRules: readonly Rule[] = [beyondPositions, nothingAsked, fewDraws];
