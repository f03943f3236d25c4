import { runConfigSchema, type RunConfig } from '../../../src/common/config/schema';
import type { RunEvent, TrainEvent } from '../../../src/common/run/events';
import type { RunManifest } from '../../../src/common/run/view';

export function sampleConfig(training: Record<string, unknown> = {}): RunConfig {
  return runConfigSchema.parse({
    model: 'builtin:tiny',
    data: { train: 'data/train.jsonl' },
    method: { type: 'lora' },
    training,
  });
}

export function sampleManifest(overrides: Partial<RunManifest> = {}): RunManifest {
  return {
    id: '20260101-000000-sample-0000',
    name: 'sample',
    createdAt: 1000,
    config: sampleConfig(),
    configPath: 'sample.peft.yaml',
    model: { label: 'builtin:tiny', fingerprint: 'sha256:00' },
    data: { train: 'sha256:11' },
    engineVersion: '0.1.0',
    ...overrides,
  };
}

export function started(startStep = 0, totalSteps = 100): TrainEvent {
  return {
    type: 'started',
    adapter: {
      vendor: 'google',
      architecture: 'swiftshader',
      description: 'SwiftShader',
      software: true,
      limits: { maxBufferSize: 1 << 28, maxStorageBufferBindingSize: 1 << 27 },
    },
    totalSteps,
    startStep,
    trainableParameters: 10,
    totalParameters: 100,
    trainRows: 8,
    evalRows: 2,
    skippedRows: 0,
    truncatedRows: 0,
    stepsPerEpoch: 4,
  };
}

export function metrics(step: number, loss = 5 / step, stepMs = 10): TrainEvent {
  return {
    type: 'metrics',
    step,
    loss,
    learningRate: 1e-3,
    gradNorm: 1,
    lossTokens: 32,
    tokens: 64,
    epoch: step / 4,
    stepMs,
    tokensPerSecond: 6400,
  };
}

/** Numbers and stamps events as the journal does: `seq` from 1, `time` 1000 apart. */
export function stamped(events: readonly Unstamped[]): RunEvent[] {
  return events.map((event, index) => ({ ...event, seq: index + 1, time: 1000 * (index + 1) }));
}

type Unstamped = RunEvent extends infer E ? (E extends RunEvent ? Omit<E, 'seq' | 'time'> : never) : never;
