import type { RunView } from '../../../src/common/run/view';

export interface Completion {
  readonly step: number;
  readonly text: string;
  readonly tokens: number;
}

export interface PromptSamples {
  readonly prompt: string;
  /** What the model said before training, if it was asked. */
  readonly base?: Completion;
  /** Later completions, newest first. */
  readonly trained: readonly Completion[];
}

/** Samples grouped by prompt, in the order in which prompts first appear. */
export function groupSamples(run: RunView): PromptSamples[] {
  const groups = new Map<string, Completion[]>();
  for (const { prompt, step, completion, tokens } of run.samples) {
    const list = groups.get(prompt) ?? [];
    groups.set(prompt, [...list, { step, text: completion, tokens }]);
  }
  return [...groups].map(([prompt, completions]) => ({
    prompt,
    base: completions.find(completion => completion.step === 0),
    trained: completions.filter(completion => completion.step > 0).sort((a, b) => b.step - a.step),
  }));
}

/** `greedy, at most 40 tokens`. */
export function samplingText(run: RunView): string {
  const { temperature, max_new_tokens: limit } = run.manifest.config.samples;
  return `${temperature === 0 ? 'greedy' : `temperature ${temperature}`}, at most ${limit} tokens`;
}

/** How many of `count` rows to list when `usual` fit: one more, if a button would only hide a single row. */
export function listedRows(count: number, usual: number): number {
  return count === usual + 1 ? count : Math.min(count, usual);
}
