/** Runs of a comparison, folded from events. */
import { comparedRun, type ComparedRun } from '../../../src/common/comparison/comparedRun';
import type { ComparedVariant } from '../../../src/common/comparison/groups';
import { runConfigSchema } from '../../../src/common/config/schema';
import type { RunState } from '../../../src/common/run/events';
import { foldAll } from '../../../src/common/run/fold';
import { metrics, sampleManifest, stamped, started } from '../run/sampleRun';

export interface Shape {
  readonly method?: Record<string, unknown>;
  readonly training?: Record<string, unknown>;
  readonly memory?: Record<string, unknown>;
  readonly data?: Record<string, unknown>;
  readonly seed?: number;
  /** Evaluation losses at step 0, 1, …. */
  readonly losses?: readonly number[];
  readonly exactMatch?: number;
  readonly state?: RunState;
  readonly steps?: number;
  readonly evalHash?: string;
}

export function runOf(shape: Shape = {}): ComparedRun {
  const { method = { type: 'lora' }, seed = 1, losses = [6, 5, 4.5, 4.4], state = 'completed', steps = 3 } = shape;
  const config = runConfigSchema.parse({
    name: `${String(method.type)}-s${seed}`,
    model: 'builtin:tiny',
    data: { train: 't', eval: 'e', ...shape.data },
    method,
    training: { seed, max_steps: steps, ...shape.training },
    memory: shape.memory,
  });
  const manifest = sampleManifest({
    config,
    id: `run-${String(method.type)}-${seed}`,
    data: { train: 'a', eval: shape.evalHash ?? 'b' },
  });
  const trained = method.type === 'few-shot' ? [] : Array.from({ length: steps }, (_, i) => metrics(i + 1));
  const events = stamped([
    started(0, method.type === 'few-shot' ? 0 : steps),
    ...trained,
    ...losses.map((loss, step) => ({
      type: 'evaluation' as const,
      step,
      loss,
      lossTokens: 9,
      exactMatch: shape.exactMatch,
    })),
    { type: 'memory', forecast: { weights: 100 }, measured: { weights: 100, adapter: 20, offloadedCpu: 1000 } },
    { type: 'state', state, problem: state === 'failed' ? { code: 'x', message: 'It broke.', hint: '' } : undefined },
  ]);
  return comparedRun(foldAll(manifest, events));
}

/** One variant a run; runs of one method are seeds of one group. */
export function variantsFor(...runs: readonly (ComparedRun | string)[]): ComparedVariant[] {
  return runs.map((run, i) => {
    const name = typeof run === 'string' ? run : run.config.method.type;
    const seed = typeof run === 'string' ? 1 : run.config.training.seed;
    const shared = { group: name, label: name, seed, config: `${name}-${i}.peft.yaml` };
    return typeof run === 'string' ? { ...shared, isQueued: true } : { ...shared, run, isQueued: false };
  });
}
