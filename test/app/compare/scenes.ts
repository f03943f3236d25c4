/** Comparisons for the page, made of the events an engine would report: seeded, so pictures of them are comparable. */
import { comparedRun, type ComparedRun } from '../../../src/common/comparison/comparedRun';
import type { ComparisonDefinition } from '../../../src/common/comparison/definition';
import type { ComparedVariant } from '../../../src/common/comparison/groups';
import { choiceOf } from '../../../src/common/config/methodChoices';
import { comparisonVersion, type ComparisonSnapshot } from '../../../src/common/comparison/protocol';
import { describeMethod } from '../../../src/common/config/describe';
import { runConfigSchema, type RunConfig } from '../../../src/common/config/schema';
import type { RunEvent, RunState, TrainEvent } from '../../../src/common/run/events';
import { foldAll } from '../../../src/common/run/fold';
import { random } from '../fixtures';

export interface CompareScene {
  /** What the host answers to `hydrate`; undefined: it never answers. */
  readonly snapshot?: ComparisonSnapshot;
  readonly refuse?: boolean;
}

interface Shape {
  readonly method: Readonly<Record<string, unknown>>;
  readonly quantization?: string;
  readonly rate?: number;
  /** Evaluation loss at the end. */
  readonly end: number;
  readonly mib: number;
  readonly stepMs: number;
  readonly trainable: number;
  readonly group?: string;
  readonly label?: string;
}

const steps = 200;
const untouched = 6.253;

const bakeOff: readonly Shape[] = [
  { method: { type: 'few-shot' }, end: 6.08, mib: 7.9, stepMs: 0, trainable: 0 },
  { method: { type: 'full' }, rate: 4e-4, end: 4.44, mib: 34.1, stepMs: 790, trainable: 1_117_312 },
  {
    method: { type: 'lora', r: 16, lora_alpha: 32 },
    rate: 6e-3,
    end: 4.47,
    mib: 21.4,
    stepMs: 640,
    trainable: 149_504,
  },
  {
    method: { type: 'lora', r: 16, lora_alpha: 32 },
    quantization: 'nf4',
    rate: 6e-3,
    end: 4.52,
    mib: 18.2,
    stepMs: 735,
    trainable: 149_504,
  },
  {
    method: { type: 'adalora', init_r: 12, target_r: 8, lora_alpha: 32, tinit: 20, tfinal: 90 },
    rate: 6e-3,
    end: 4.6,
    mib: 22.9,
    stepMs: 742,
    trainable: 112_464,
  },
  {
    method: { type: 'weightlora', r: 8, lora_alpha: 32 },
    rate: 5e-3,
    end: 4.66,
    mib: 16.8,
    stepMs: 655,
    trainable: 74_780,
  },
  { method: { type: 'bottleneck' }, rate: 1.5e-3, end: 4.83, mib: 17.7, stepMs: 560, trainable: 17_472 },
  { method: { type: 'prefix' }, rate: 5e-3, end: 5.31, mib: 17.1, stepMs: 548, trainable: 10_240 },
  { method: { type: 'p-tuning' }, rate: 1.5e-3, end: 5.52, mib: 18.4, stepMs: 596, trainable: 52_096 },
  { method: { type: 'p-tuning-v2' }, rate: 1e-2, end: 5.24, mib: 17.3, stepMs: 551, trainable: 10_240 },
];

function configOf({ method, quantization = 'none', rate = 1e-3 }: Shape, seed: number): RunConfig {
  return runConfigSchema.parse({
    name: `bake-off-${String(method.type)}-s${seed}`,
    model: 'builtin:tiny',
    data: { train: 'data/devil.train.jsonl', eval: 'data/devil.eval.jsonl', max_length: 128 },
    method,
    training: { max_steps: steps, learning_rate: rate, seed, per_device_train_batch_size: 8, eval_steps: 20 },
    memory: { quantization },
  });
}

/** A run of `done` steps in `state`, folded from its events. */
function runOf(
  shape: Shape,
  seed: number,
  { done = steps, state = 'completed' }: { done?: number; state?: RunState } = {},
): ComparedRun {
  const config = configOf(shape, seed);
  const trains = config.method.type !== 'few-shot';
  const next = random(1 + seed * 977 + shape.mib * 31);
  const start = trains ? untouched : shape.end;
  const end = shape.end + (next() - 0.5) * 0.09;
  const lossAt = (step: number): number => end + (start - end) * Math.exp((-step / steps) * 5);
  const events: RunEvent[] = [];
  let time = 1_764_000_000_000;
  const add = (event: TrainEvent | { type: 'state'; state: RunState; problem?: ComparedRun['problem'] }): void => {
    time += 400;
    events.push({ ...event, seq: events.length + 1, time });
  };
  add({
    type: 'started',
    adapter: {
      vendor: '',
      architecture: '',
      description: 'SwiftShader',
      software: true,
      limits: { maxBufferSize: 1, maxStorageBufferBindingSize: 1 },
    },
    totalSteps: trains ? steps : 0,
    startStep: 0,
    trainableParameters: shape.trainable,
    totalParameters: 1_117_312 + shape.trainable,
    trainRows: 839,
    evalRows: 85,
    skippedRows: 0,
    truncatedRows: 0,
    stepsPerEpoch: 105,
  });
  add({ type: 'state', state: 'running' });
  add({ type: 'evaluation', step: 0, loss: start, lossTokens: 2310 });
  const bytes = { weights: shape.mib * 0.6 * 2 ** 20, activations: shape.mib * 0.4 * 2 ** 20 };
  add({ type: 'memory', forecast: bytes, measured: bytes });
  for (let step = 1; trains && step <= done; step++) {
    const stepMs = shape.stepMs * (0.95 + 0.1 * next());
    const loss = lossAt(step) + (next() - 0.5) * 0.3;
    add({
      type: 'metrics',
      step,
      loss,
      learningRate: 1e-3,
      gradNorm: 1,
      lossTokens: 240,
      tokens: 402,
      epoch: step / 105,
      stepMs,
      tokensPerSecond: 402_000 / stepMs,
    });
    if (step % 20 === 0)
      add({ type: 'evaluation', step, loss: lossAt(step) + (next() - 0.5) * 0.03, lossTokens: 2310 });
  }
  const problem = {
    code: 'train.nonFinite',
    message: 'The loss became NaN at step 97.',
    hint: 'Lower training.learning_rate.',
  };
  add({ type: 'state', state, problem: state === 'failed' ? problem : undefined });
  const manifest = {
    id: `20261124-${String(shape.method.type)}-${seed}-${shape.mib}`,
    name: config.name ?? '',
    createdAt: 1_764_000_000_000,
    config,
    configPath: '',
    model: { label: 'builtin:tiny', fingerprint: 'a1' },
    data: { train: 'd4', eval: '07' },
    engineVersion: '0.1.0',
  };
  return comparedRun(foldAll(manifest, events));
}

function variantOf(shape: Shape, seed: number, become: Partial<ComparedVariant> = {}): ComparedVariant {
  const config = configOf(shape, seed);
  const choice = choiceOf(config);
  const label = shape.label ?? `${choice === 'qlora' ? 'Q' : ''}${describeMethod(config)}`;
  const group = shape.group ?? choice;
  return { group, label, seed, config: `bake-off-${group}-s${seed}.peft.yaml`, isQueued: false, ...become };
}

function show(variants: readonly ComparedVariant[], change: Partial<ComparisonDefinition> = {}): CompareScene {
  const definition: ComparisonDefinition = {
    version: 1,
    name: 'bake-off',
    kind: 'methods',
    question:
      'Which method, with the same data, order, seeds and steps, usual sizes and the recommended learning rate of each?',
    base: '../../lora.peft.yaml',
    variants: variants.map(({ group, label, seed, config }) => ({ group, label, seed, config })),
    ...change,
  };
  return {
    snapshot: {
      version: comparisonVersion,
      comparison: 'file:///w/comparisons/bake-off/comparison.json',
      definition,
      variants,
    },
  };
}

function seedsOf(shape: Shape, seeds: readonly number[]): ComparedVariant[] {
  const own = shape.method.type === 'few-shot' ? seeds.slice(0, 1) : seeds;
  return own.map(seed => variantOf(shape, seed, { run: runOf(shape, seed) }));
}

function underWay(): CompareScene {
  const variants = bakeOff.map((shape, i) => {
    if (i < 3) return variantOf(shape, 1, { run: runOf(shape, 1) });
    if (i === 3) return variantOf(shape, 1, { run: runOf(shape, 1, { done: 97, state: 'failed' }) });
    if (i === 4) return variantOf(shape, 1, { run: runOf(shape, 1, { done: 64, state: 'running' }) });
    return variantOf(shape, 1, { isQueued: i < 8 });
  });
  return show(variants);
}

function rateSweep(): CompareScene {
  const ends = [5.31, 4.92, 4.61, 4.49, 4.75];
  const variants = [3e-4, 1e-3, 3e-3, 1e-2, 3e-2].flatMap((rate, i) => {
    const [text] = [rate.toExponential()];
    const shape = {
      ...bakeOff[2],
      rate,
      end: ends[i],
      group: String(rate),
      label: `learning_rate ${text.replace('e', '.0e')}`,
    };
    return seedsOf(shape, [1, 2, 3]);
  });
  return show(variants, {
    name: 'lora-learning_rate',
    kind: 'sweep',
    key: 'training.learning_rate',
    question: 'What does training.learning_rate change, with everything else the same?',
  });
}

/** By name, as the address bar gives it. */
export const compareScenes: Readonly<Record<string, () => CompareScene>> = {
  bakeoff: () => show(bakeOff.flatMap(shape => seedsOf(shape, [1, 2, 3]))),
  running: underWay,
  sweep: rateSweep,
  waiting: () => show(bakeOff.map(shape => variantOf(shape, 1, { isQueued: true }))),
  loading: () => ({}),
  unreachable: () => ({ refuse: true }),
};
