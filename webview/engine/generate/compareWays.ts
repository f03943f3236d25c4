import { promptTokens } from '../train/readModel';
import { completion, greedy } from './complete';
import type { NextLogits } from './nextLogits';
import type { GenerationSession } from './session';

/** Milliseconds for one more token of a text that then has `length` tokens, with the cache and by a full pass. */
export interface WayTimes {
  readonly length: number;
  readonly cachedMs: number;
  readonly fullMs: number;
}

export interface CompareOptions {
  /** What the text begins with; the model goes on from there. */
  readonly prompt: string;
  /** Times that every length is measured; the median counts. */
  readonly rounds: number;
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number;
}

const points = 12;
/** A token from the cache takes so little that more of them still cost less than one full pass. */
const cachedRepeats = 3;

/**
 * Times both ways to generate at twelve lengths up to the longest that the session takes; it must be planned for both.
 * Every round visits all lengths, both ways side by side, so that a machine that gets slower or faster meanwhile bends
 * no curve; a first round, unmeasured, compiles kernels. What is measured ends when the logits are on the host, as in
 * real generation. Gives the number of rounds done after each.
 */
export async function* compareWays(
  session: GenerationSession,
  { prompt, rounds, now }: CompareOptions,
): AsyncGenerator<number, readonly WayTimes[]> {
  const [cached, full] = [session.logits(true), session.logits(false)];
  const longest = Math.min(cached.longest, full.longest, session.read.model.maxPositions);
  const text = await longText(session, prompt, longest);
  const lengths = Array.from({ length: points }, (_, point) => Math.round(((point + 1) * longest) / points));
  const samples = lengths.map(length => ({ length, cached: [] as number[], full: [] as number[] }));
  for (let round = 0; round <= rounds; round++) {
    await cached.after(text);
    // From the longest down, all but the last token of each text is in the cache already.
    for (const sample of samples.toReversed()) {
      const start = text.slice(0, sample.length);
      const cachedMs = [];
      for (let repeat = 0; repeat < cachedRepeats; repeat++) cachedMs.push(await timeOf(cached, start, now));
      const fullMs = await timeOf(full, start, now);
      if (round === 0) continue;
      sample.cached.push(...cachedMs);
      sample.full.push(fullMs);
    }
    if (round > 0) yield round;
  }
  return samples.map(({ length, ...ms }) => ({ length, cachedMs: median(ms.cached), fullMs: median(ms.full) }));
}

/** A text of `longest` tokens: the prompt, cut if need be, and what the model says to it. */
async function longText(session: GenerationSession, prompt: string, longest: number): Promise<readonly number[]> {
  const { tokenizer } = session.read;
  const start = promptTokens(prompt, tokenizer).slice(0, longest - 1);
  const options = {
    ...greedy,
    max_new_tokens: longest,
    stop_strings: [],
    seed: 0,
    name: '',
    ends: new Set<number>(),
    tokenizer,
  };
  return [...start, ...(await completion(session.logits(true), start, options))];
}

async function timeOf(model: NextLogits, text: readonly number[], now: () => number): Promise<number> {
  const before = now();
  await model.after(text);
  return now() - before;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
