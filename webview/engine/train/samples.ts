import type { TrainEvent } from '../../../src/common/run/events';
import { completion } from '../generate/complete';
import { exactMatch } from '../generate/exactMatch';
import { nextLogits } from '../generate/nextLogits';
import type { Engine } from './engine';
import type { PreparedRun } from './prepare';

/** Completes every sample prompt with the current weights, one event each. */
export async function* generateSamples(
  engine: Engine,
  run: PreparedRun,
  step: number,
  stepWords: Uint32Array<ArrayBuffer>,
): AsyncGenerator<TrainEvent> {
  const { samples, training } = run.job.config;
  const { tokenizer } = run;
  const ends = new Set([tokenizer.eosId, ...run.model.eosTokenIds]);
  const model = nextLogits(engine, stepWords);
  for (const [index, prompt] of run.prompts.entries()) {
    const options = { ...samples, seed: samples.seed ?? training.seed, name: `sample ${index}`, ends, tokenizer };
    const ids = await completion(model, prompt, options);
    yield {
      type: 'sample',
      step,
      prompt: samples.prompts[index],
      completion: tokenizer.decode(ids),
      tokens: ids.length,
    };
  }
}

/** Share of evaluation rows that are completed as expected, where the config asks for it and a row has a prompt. */
export async function matchedShare(
  engine: Engine,
  run: PreparedRun,
  stepWords: Uint32Array<ArrayBuffer>,
): Promise<{ exactMatch?: number }> {
  const { matched, tokenizer, model } = run;
  if (!matched) return {};
  const ends = new Set([tokenizer.eosId, ...model.eosTokenIds]);
  const share = await exactMatch(nextLogits(engine, stepWords), matched.examples, { tokenizer, ends });
  return share === undefined ? {} : { exactMatch: share };
}
