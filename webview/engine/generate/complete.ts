import { streamOf, type RandomKey } from '../data/random';
import type { TextTokenizer } from '../data/tokenizer';
import type { NextLogits } from './nextLogits';
import { nextToken, processLogits, type Sampling } from './sampling';

export interface CompletionOptions extends Sampling {
  readonly max_new_tokens: number;
  /** The completion ends with the token that completes one of these. */
  readonly stop_strings: readonly string[];
  readonly seed: number;
  /** Tells the draws of this text from those of others with the same seed. */
  readonly name: string;
  /** Tokens that end a text; they are not part of the completion. */
  readonly ends: ReadonlySet<number>;
  readonly tokenizer: TextTokenizer;
}

export const greedy: Sampling = { temperature: 0, top_k: 0, top_p: 1, repetition_penalty: 1 };

/**
 * Completes a prompt (not empty), token by token as they come. Ends at an end token, a stop string, `max_new_tokens`
 * or when the text is as long as the model or the cache takes.
 */
export async function* complete(
  model: NextLogits,
  prompt: readonly number[],
  options: CompletionOptions,
): AsyncGenerator<number> {
  const key: RandomKey = { seed: options.seed, stream: streamOf(options.name) };
  const text = [...prompt];
  while (text.length - prompt.length < options.max_new_tokens && text.length < model.longest) {
    const scores = processLogits(await model.after(text), text, options);
    const token = nextToken(scores, options.temperature, key, text.length);
    if (options.ends.has(token)) return;
    text.push(token);
    yield token;
    if (stops(text.slice(prompt.length), options)) return;
  }
}

/** All tokens of a completion. */
export async function completion(
  model: NextLogits,
  prompt: readonly number[],
  options: CompletionOptions,
): Promise<number[]> {
  const tokens: number[] = [];
  for await (const token of complete(model, prompt, options)) tokens.push(token);
  return tokens;
}

/** transformers' StopStringCriteria: a stop string ends within the last token, and may begin before it. */
function stops(tokens: readonly number[], { stop_strings, tokenizer }: CompletionOptions): boolean {
  if (stop_strings.length === 0) return false;
  const text = tokenizer.decode(tokens, true);
  return stop_strings.some(stop => text.includes(stop));
}
