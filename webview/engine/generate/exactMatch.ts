import { ignoredLabel, type Example } from '../data/examples';
import type { TextTokenizer } from '../data/tokenizer';
import { complete, greedy } from './complete';
import type { NextLogits } from './nextLogits';

export interface MatchOptions {
  readonly tokenizer: TextTokenizer;
  /** Tokens that end a text. */
  readonly ends: ReadonlySet<number>;
}

/**
 * Share of examples whose greedy completion is the expected one; `undefined` when none has a prompt. The prompt is what
 * stands before the first token with a label, the expected completion the labelled tokens from there. The model may
 * write as many tokens as these; up to an end token the texts must be equal but for white space at both ends. A
 * completion is left at the first token that cannot lead there. Examples that do not fit the model's longest text count
 * as failed.
 */
export async function exactMatch(
  model: NextLogits,
  examples: readonly Example[],
  options: MatchOptions,
): Promise<number | undefined> {
  let [asked, met] = [0, 0];
  for (const example of examples) {
    const { prompt, expected } = promptOf(example);
    if (prompt.length === 0) continue;
    asked++;
    if (prompt.length < model.longest && (await matches(model, prompt, expected, options))) met++;
  }
  return asked === 0 ? undefined : met / asked;
}

/** The tokens before the first label, and the labelled ones from there to the next token without. */
export function promptOf({ ids, labels }: Example): { prompt: number[]; expected: number[] } {
  const first = labels.findIndex(label => label !== ignoredLabel);
  const start = first < 0 ? labels.length : first;
  const rest = labels.subarray(start).findIndex(label => label === ignoredLabel);
  const end = rest < 0 ? labels.length : start + rest;
  return { prompt: [...ids.subarray(0, start)], expected: [...ids.subarray(start, end)] };
}

async function matches(
  model: NextLogits,
  prompt: readonly number[],
  expected: readonly number[],
  { tokenizer, ends }: MatchOptions,
): Promise<boolean> {
  const end = expected.findIndex(token => ends.has(token));
  const wanted = tokenizer.decode(end < 0 ? expected : expected.slice(0, end)).trim();
  const options = { max_new_tokens: expected.length, stop_strings: [], seed: 0, name: '', ends, tokenizer };
  const found: number[] = [];
  for await (const token of complete(model, prompt, { ...greedy, ...options })) {
    found.push(token);
    if (!bare(wanted).startsWith(bare(tokenizer.decode(found)))) return false;
  }
  return tokenizer.decode(found).trim() === wanted;
}

/** Text without white space, which decoding may still change, and without a character that is not complete yet. */
function bare(text: string): string {
  return text.replace(/\uFFFD+$/, '').replace(/\s+/g, '');
}
