import { problem } from '../../../src/common/errors';
import type { FrozenModel, KeysAndValues } from '../methods/method';
import { plainMethod } from '../methods/plain';
import { cacheSize } from '../forecast';
import { stepWords } from '../runtime/kernel';
import { Engine } from './engine';
import { loadParameters } from './load';
import type { TrainPorts } from './loop';
import type { PreparedRun } from './prepare';
import { planPrograms, type EngineSpec } from './programs';

/** The base model of a run, asked before the run takes its memory: each question loads it, and frees it again. */
export function frozenModel(ports: TrainPorts, run: PreparedRun): FrozenModel {
  return {
    keysAndValues: async (text, fewest) => {
      const tokens = run.tokenizer.encode(text, true);
      const most = run.model.maxPositions;
      if (tokens.length < fewest || tokens.length > most)
        throw problem(
          'method.text',
          `init_text has ${tokens.length} tokens; ${fewest} to ${most} are needed.`,
          tokens.length < fewest ? 'Write a longer text, or lower method.num_virtual_tokens.' : 'Write a shorter text.',
        );
      return readCaches(ports, run, tokens);
    },
  };
}

/** Feeds the tokens to a model with an empty cache and reads what it then holds. */
async function readCaches(ports: TrainPorts, run: PreparedRun, tokens: readonly number[]): Promise<KeysAndValues[]> {
  const count = tokens.length;
  const spec: EngineSpec = {
    ...run.programs.spec,
    method: plainMethod(),
    longest: count,
    streams: { train: 0, evaluate: 0, generate: 0 },
    cache: cacheSize(count, count),
  };
  const programs = planPrograms(spec);
  const engine = await Engine.create(ports.opened, programs, ports);
  try {
    await loadParameters(engine, { ...run, method: spec.method, programs });
    const step = new Uint32Array(stepWords);
    engine.resetCache(step);
    await engine.feed(tokens, 0, step);
    const caches = await engine.readCaches();
    const width = run.model.kvHeads * run.model.headDim;
    return Array.from({ length: run.model.layers }, (_, block) => {
      const rows = (side: 'k' | 'v') =>
        (caches.get(`cache.${block}.${side}`) as Float32Array).subarray(0, count * width);
      return { k: rows('k'), v: rows('v') };
    });
  } finally {
    engine.dispose();
  }
}
