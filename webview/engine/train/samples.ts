import type { TrainEvent } from '../../../src/common/run/events';
import { completion } from '../generate/complete';
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
