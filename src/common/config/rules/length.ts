import { quantile, setting, type LintContext, type Rule } from '../rule';

/** Longest training or evaluation row, when every row was measured. */
function longestRow({ facts }: LintContext): number | undefined {
  const known = [facts.data?.train, facts.data?.eval].filter(split => split !== undefined);
  if (known.length === 0 || known.some(({ rows, tokens }) => tokens?.length !== rows)) return undefined;
  return known.flatMap(split => split.tokens ?? []).reduce((most, count) => Math.max(most, count), 0);
}

const beyondPositions: Rule = {
  id: 'P01',
  severity: 'error',
  title: 'max_length is beyond the positions of the model',
  why:
    'GPT-2 has one learned vector per position and none after the last. Rotary positions can be computed further, but the ' +
    'model was never trained there and gets worse (a warning).',
  advice: 'Lower data.max_length to what the model knows.',
  check: context => {
    const { model } = context.facts;
    const limit = context.config.data.max_length;
    if (model === undefined || limit <= model.maxPositions) return [];
    const longest = longestRow(context);
    if (longest !== undefined && longest <= model.maxPositions) return [];
    const message = `max_length ${limit} is more than the ${model.maxPositions} positions of the model.`;
    const path = ['data', 'max_length'];
    const severity = model.family === 'gpt2' ? 'error' : 'warning';
    return [{ path, message, severity, fixes: [setting(path, model.maxPositions)] }];
  },
};

const sampleBeyondPositions: Rule = {
  id: 'P04',
  severity: 'error',
  title: 'A sample would run out of positions',
  why: 'Prompt and completion together must fit the positions of the model, or the completion ends early.',
  advice: 'Lower samples.max_new_tokens or shorten the prompt.',
  check: ({ config, facts: { model, promptTokens = [] } }) => {
    const longest = promptTokens.reduce((most, count) => Math.max(most, count), 0);
    const wanted = longest + config.samples.max_new_tokens;
    if (model === undefined || promptTokens.length === 0 || wanted <= model.maxPositions) return [];
    const path = ['samples', 'max_new_tokens'];
    const room = model.maxPositions - longest;
    const message =
      `The longest prompt has ${longest} tokens; with ${config.samples.max_new_tokens} new ones that is ${wanted}, ` +
      `but the model has ${model.maxPositions} positions.`;
    return [{ path, message, fixes: room > 0 ? [setting(path, room)] : [] }];
  },
};

const muchRoom: Rule = {
  id: 'P06',
  severity: 'info',
  title: 'max_length is far above the rows',
  why: 'Rows this long do not occur; the number only hides what one would be told if a row were cut.',
  advice: 'Lower data.max_length to the longest row.',
  check: context => {
    const longest = longestRow(context);
    const tokens = context.facts.data?.train?.tokens ?? [];
    const limit = context.config.data.max_length;
    const path = ['data', 'max_length'];
    const isWritten = context.parsed.locate(path) !== undefined;
    const p99 = quantile(tokens, 0.99);
    if (longest === undefined || tokens.length === 0 || !isWritten || limit <= 4 * p99 || limit <= longest) return [];
    const message = `max_length is ${limit}, but 99 % of the rows have at most ${p99} tokens and none more than ${longest}.`;
    return [{ path, message, fixes: [setting(path, Math.ceil(longest / 16) * 16)] }];
  },
};

export const lengthRules: readonly Rule[] = [beyondPositions, sampleBeyondPositions, muchRoom];
