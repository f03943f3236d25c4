import type { NextLogits } from './nextLogits';

/** Milliseconds for one more token after a text of `length` tokens, with the cache and by a full pass. */
export interface WayTimes {
  readonly length: number;
  readonly cachedMs: number;
  readonly fullMs: number;
}

export interface CompareOptions {
  readonly cached: NextLogits;
  readonly full: NextLogits;
  /** As long as the largest of `lengths`. */
  readonly text: readonly number[];
  readonly lengths: readonly number[];
  /** Measurements of which the shortest counts: whatever else the machine does can only add. */
  readonly repeats: number;
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number;
}

/**
 * Times both ways to generate at several lengths. Each is asked once unmeasured, so that kernels are compiled and the
 * cache holds all but the last token; what is measured ends when the logits are on the host, as in real generation.
 */
export async function* compareWays(options: CompareOptions): AsyncGenerator<WayTimes> {
  const { cached, full, text, lengths } = options;
  for (const length of lengths) {
    const start = text.slice(0, length);
    yield { length, cachedMs: await timeOf(cached, start, options), fullMs: await timeOf(full, start, options) };
  }
}

async function timeOf(model: NextLogits, text: readonly number[], { repeats, now }: CompareOptions): Promise<number> {
  await model.after(text);
  const times: number[] = [];
  for (let repeat = 0; repeat < repeats; repeat++) {
    const before = now();
    await model.after(text);
    times.push(now() - before);
  }
  return Math.min(...times);
}
