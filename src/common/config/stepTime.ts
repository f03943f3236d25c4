import type { ForecastFacts } from './facts';
import type { RunConfig } from './schema';

/** How fast an adapter was in earlier runs. */
export interface AdapterRates {
  /** Values times tokens that it passes in a millisecond; see {@link passes}. */
  readonly work: number;
  /** Milliseconds that a step waits for each byte that travels; undefined while nothing has travelled. */
  readonly waitPerByte?: number;
}

export interface StepTime {
  /** Against the same run with everything kept on the GPU: 1.5 is half as long again. */
  readonly factor: number;
  /** False where transfers are left out of the factor, because no run has shown what they cost here. */
  readonly complete: boolean;
}

/** Work of an optimizer step in values times tokens, before any technique: what {@link stepTime} holds transfers against. */
export interface StepWork {
  readonly tokens: number;
  readonly parameters: number;
}

/**
 * Passes over the model that a token costs: one forward, one backward to the inputs, one backward to the weights where
 * they train (Kaplan et al. 2020, arXiv 2001.08361, count 2, 2 and 2 operations a weight). Checkpointing blocks repeats
 * the forward pass, a third of a full step and a half of one on a frozen base; norms and activation functions are little.
 */
export function passes({ method, memory }: RunConfig): number {
  if (method.type === 'few-shot') return 1;
  const plain = method.type === 'full' ? 3 : 2;
  return plain + again[memory.gradient_checkpointing];
}

const again = { none: 0, selective: 0.05, block: 1 } as const;

/** How much longer a step takes for the sake of memory. */
export function stepTime(
  config: RunConfig,
  { transfers, totalParameters }: Pick<ForecastFacts, 'transfers' | 'totalParameters'>,
  known: { readonly tokens: number; readonly rates?: AdapterRates },
): StepTime {
  const plain = passes({ ...config, memory: { ...config.memory, gradient_checkpointing: 'none' } });
  const moved = transfers.up + transfers.down;
  const { rates, tokens } = known;
  const waits = rates?.waitPerByte === undefined ? undefined : moved * rates.waitPerByte;
  const passMs = rates && (tokens * totalParameters) / rates.work;
  const waited = waits === undefined || passMs === undefined ? 0 : waits / passMs;
  return {
    factor: (passes(config) + waited) / plain,
    complete: moved === 0 || waits !== undefined,
  };
}
