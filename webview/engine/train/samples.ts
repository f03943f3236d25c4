import type { TrainEvent } from '../../../src/common/run/events';
import { streamOf } from '../data/random';
import { sampleToken } from '../generate/sample';
import type { Engine } from './engine';
import type { PreparedRun } from './prepare';

/** Completes every sample prompt with the current weights, one event each. */
export async function* generateSamples(
  engine: Engine,
  run: PreparedRun,
  step: number,
  stepWords: Uint32Array<ArrayBuffer>,
): AsyncGenerator<TrainEvent> {
  for (const [index, prompt] of run.prompts.entries()) {
    const ids = await complete(engine, run, { prompt, index, stepWords });
    const text = run.job.config.samples.prompts[index];
    yield { type: 'sample', step, prompt: text, completion: run.tokenizer.decode(ids), tokens: ids.length };
  }
}

interface Completion {
  readonly prompt: readonly number[];
  readonly index: number;
  readonly stepWords: Uint32Array<ArrayBuffer>;
}

async function complete(engine: Engine, run: PreparedRun, { prompt, index, stepWords }: Completion): Promise<number[]> {
  const { samples, training } = run.job.config;
  const key = { seed: training.seed, stream: streamOf(`sample ${index}`) };
  const longest = run.programs.spec.streams.generate;
  const ends = new Set([run.tokenizer.eosId, ...run.model.eosTokenIds]);
  const tokens = [...prompt];
  while (tokens.length - prompt.length < samples.max_new_tokens && tokens.length < longest) {
    const logits = await engine.logits(tokens, stepWords);
    const next = sampleToken(logits, samples.temperature, key, tokens.length);
    if (ends.has(next)) break;
    tokens.push(next);
  }
  return tokens.slice(prompt.length);
}
