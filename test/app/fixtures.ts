/** Runs for the dashboard, made of the events an engine would report: seeded, so pictures of them are comparable. */
import { runConfigSchema, type RunConfig } from '../../src/common/config/schema';
import type {
  EvaluationDraw,
  HostEvent,
  MemoryBytes,
  RunEvent,
  RunState,
  TimelinePoint,
  TrainEvent,
} from '../../src/common/run/events';
import { emptyView, fold } from '../../src/common/run/fold';
import type { RunManifest, RunView } from '../../src/common/run/view';
import { reportOf } from './importanceReports';
import { plannedEvents } from './plannedRun';

export interface RunShape {
  readonly name: string;
  readonly steps: number;
  /** Steps done so far. */
  readonly done: number;
  readonly blocks: number;
  readonly method?: RunConfig['method']['type'];
  readonly rank?: number;
  readonly seed?: number;
  readonly floor?: number;
  /** Minutes after the others; a run at another time has another id. */
  readonly created?: number;
  readonly state?: RunState;
  readonly evalEvery?: number;
  readonly budgetMib?: number;
  /** Keys of `memory`; with them the engine's planner says what the run takes. */
  readonly memory?: object;
}

const mib = 1024 * 1024;
const created = Date.UTC(2026, 10, 24, 12, 0, 0);

/** A seeded stream of numbers in [0, 1). */
export function random(seed: number): () => number {
  let state = seed % 2147483647 || 1;
  return () => (state = (state * 16807) % 2147483647) / 2147483647;
}

export function manifestOf(shape: RunShape): RunManifest {
  return {
    id: `20261124-${shape.name}${shape.created ? `-${shape.created}` : ''}`,
    name: shape.name,
    createdAt: created + 60_000 * (shape.created ?? 0),
    config: configOf(shape),
    configPath: `${shape.name}.peft.yaml`,
    model: { label: 'builtin:tiny', fingerprint: 'a1b2c3' },
    data: { train: 'd4e5f6', eval: '0718aa' },
    engineVersion: '0.1.0',
  };
}

function configOf(shape: RunShape): RunConfig {
  const { method = 'lora', rank = 8, steps, budgetMib, memory = {}, evalEvery = 50 } = shape;
  return runConfigSchema.parse({
    model: 'builtin:tiny',
    data: { train: 'data/devil.train.jsonl', eval: 'data/devil.eval.jsonl', max_length: 128 },
    method: methodOf(method, rank, steps),
    training: {
      max_steps: Math.max(1, steps),
      learning_rate: 1e-3,
      warmup_ratio: 0.05,
      per_device_train_batch_size: 4,
      gradient_accumulation_steps: 2,
      eval_steps: evalEvery,
      save_steps: evalEvery,
    },
    memory: { ...memory, ...(budgetMib === undefined ? {} : { budget_mib: budgetMib }) },
    samples: { prompts: ['Define LOVE:', 'Define POLITICIAN:'] },
  });
}

/** The keys that a run of so many steps needs; the rest by default. */
function methodOf(type: RunConfig['method']['type'], rank: number, steps: number): object {
  switch (type) {
    case 'lora':
      return { type, r: rank, lora_alpha: 2 * rank };
    case 'adalora':
      return {
        type,
        init_r: 6,
        target_r: 2,
        lora_alpha: 32,
        tinit: Math.round(steps / 10),
        tfinal: Math.round(steps / 4),
      };
    case 'weightlora':
      return { type, r: rank, k: 7 };
    case 'few-shot':
      return { type, shots: 4, draws: 5 };
    default:
      return { type };
  }
}

/** The event log of a run, in order, numbered from 1. */
export function eventsOf(shape: RunShape): RunEvent[] {
  const log: RunEvent[] = [];
  let time = created;
  const add = (event: TrainEvent | HostEvent, ms = 3): void => {
    time += ms;
    log.push({ ...event, seq: log.length + 1, time });
  };
  add({ type: 'state', state: 'queued' });
  if (shape.state === 'queued') return log;
  add({ type: 'state', state: 'starting' });
  if (shape.done === 0 && shape.state === 'starting') return log;
  add(startedOf(shape));
  add({ type: 'state', state: 'running' });
  if (shape.method === 'few-shot') addDraws(shape, add);
  else addSteps(shape, add);
  if (shape.state !== undefined && shape.state !== 'running') add({ type: 'state', state: shape.state });
  return log;
}

function addSteps(shape: RunShape, add: (event: TrainEvent | HostEvent, ms?: number) => void): void {
  const { steps, done, seed = 42, floor = 1.9, evalEvery = 50 } = shape;
  const next = random(seed);
  const noise = (width: number): number => (next() - 0.5) * width;
  const lossAt = (step: number): number =>
    floor + 3 * Math.exp((-step / steps) * 6) + 0.5 * Math.exp((-step / steps) * 1.5);
  let best = Infinity;
  const evaluate = (step: number): void => {
    const loss = lossAt(step) + 0.12 + 0.1 * Math.max(0, step / steps - 0.6) + noise(0.03);
    add({ type: 'evaluation', step, loss, lossTokens: 2310 }, 180);
    addSamples(step, step / steps, add);
    if (step === 0) return;
    const isBest = loss < best;
    best = Math.min(best, loss);
    add({ type: 'checkpoint', step, path: `checkpoints/step-${step}`, evalLoss: loss, best: isBest });
  };
  evaluate(0);
  for (let step = 1; step <= done; step++) {
    const loss = lossAt(step) + noise(0.34 * (1 + Math.exp(-step / 40)));
    add(
      {
        type: 'metrics',
        step,
        loss,
        learningRate: 1e-3 * Math.min(step / (0.05 * steps), (steps - step) / (0.95 * steps)),
        gradNorm: 0.6 + 2.2 * Math.exp((-step / steps) * 9) + noise(0.25) + (next() > 0.985 ? 0.9 : 0),
        lossTokens: 240,
        tokens: 402,
        epoch: step / 105,
        stepMs: 480 + noise(60),
        tokensPerSecond: 812 + noise(90),
      },
      480,
    );
    if (step === 1) addMemory(shape, add);
    const reports = steps > 2000 ? step % Math.ceil(steps / 200) === 0 : step % 10 === 0;
    if (reports) addImportance(shape, { step, noise }, add);
    if (step % evalEvery === 0) evaluate(step);
  }
  if (done === steps) add({ type: 'exported', path: `.peft/runs/20261124-${shape.name}/adapter` });
}

function startedOf({ steps, method = 'lora' }: RunShape): TrainEvent {
  return {
    type: 'started',
    adapter: {
      vendor: 'google',
      architecture: 'swiftshader',
      description: 'SwiftShader Device (LLVM 16.0.0)',
      software: true,
      limits: { maxBufferSize: 268435456, maxStorageBufferBindingSize: 134217728 },
    },
    totalSteps: steps,
    startStep: 0,
    trainableParameters: method === 'full' ? 1_048_704 : 98_304,
    totalParameters: method === 'full' ? 1_048_704 : 1_147_008,
    trainRows: 839,
    evalRows: 85,
    skippedRows: 0,
    truncatedRows: 12,
    stepsPerEpoch: 105,
  };
}

const completions: readonly (readonly string[])[] = [
  [
    ' and the LORD said unto him, Go, and see whether it be well with thy brethren, and well with the flocks.',
    ' and he said, I will not destroy it for ten’s sake. And the LORD went his way.',
  ],
  [
    'n. A temporary insanity of the heart, and the Lord of the people that is in the house.',
    'n. One who is a man of the people, and of the people of the earth.',
  ],
  [
    'n. A temporary insanity curable by marriage or by removal of the patient from the influences under which he incurred the disorder.',
    'n. An eel in the fundamental mud upon which the superstructure of organized society is reared.',
  ],
];

function addSamples(step: number, share: number, add: (event: TrainEvent) => void): void {
  const stage = step === 0 ? 0 : share < 0.4 ? 1 : 2;
  ['Define LOVE:', 'Define POLITICIAN:'].forEach((prompt, i) =>
    add({ type: 'sample', step, prompt, completion: completions[stage][i], tokens: 24 + stage * 8 }),
  );
}

function addMemory(shape: RunShape, add: (event: TrainEvent) => void): void {
  if (shape.memory) {
    plannedEvents(configOf(shape), 1, 9).forEach(event => add(event));
    return;
  }
  const trained = shape.method === 'full' ? 4 * mib : 393216;
  const bytes: MemoryBytes = {
    weights: shape.method === 'full' ? 0 : Math.round(2.1 * mib),
    adapter: trained,
    gradients: trained,
    optimizer: 2 * trained,
    activations: Math.round(9.6 * mib),
    workspace: Math.round(3.2 * mib),
    staging: 65536,
  };
  add({ type: 'memory', forecast: bytes, measured: bytes });
  const points = timelineOf(shape.blocks, Math.round(9.6 * mib), Math.round(3.2 * mib));
  const fixed: MemoryBytes = {
    weights: bytes.weights,
    adapter: trained,
    gradients: trained,
    optimizer: 2 * trained,
    staging: 65536,
  };
  const below = Object.values(fixed).reduce((sum, value) => sum + value, 0);
  const live = points.map(point => point.activations + point.workspace);
  const index = live.indexOf(Math.max(...live));
  add({ type: 'timeline', points, fixed, peak: { index, bytes: below + live[index] } });
}

const parts = [
  'input_layernorm',
  'self_attn.q_proj',
  'self_attn.k_proj',
  'self_attn.v_proj',
  'self_attn',
  'self_attn.o_proj',
];
const mlp = ['post_attention_layernorm', 'mlp.gate_proj', 'mlp.up_proj', 'mlp.act', 'mlp.down_proj'];
const ops = [...parts, ...mlp];

function timelineOf(blocks: number, activations: number, workspace: number): TimelinePoint[] {
  const points: TimelinePoint[] = [];
  const total = blocks * ops.length;
  const busy = (op: string): number => (/mlp/.test(op) ? 0.8 : /self_attn$/.test(op) ? 1 : 0.35) * workspace;
  for (let i = 0; i < total; i++) {
    const op = ops[i % ops.length];
    points.push({
      phase: 'forward',
      op: `layers.${Math.floor(i / ops.length)}.${op}`,
      activations: Math.round((activations * (i + 1)) / total),
      workspace: Math.round(busy(op)),
    });
  }
  points.push({ phase: 'forward', op: 'lm_head.loss', activations, workspace });
  for (let i = total - 1; i >= 0; i--) {
    const op = ops[i % ops.length];
    for (const half of [1, 0.6]) {
      points.push({
        phase: 'backward',
        op: `layers.${Math.floor(i / ops.length)}.${op}`,
        activations: Math.round((activations * i) / total),
        workspace: Math.round(Math.min(workspace, busy(op) * half * 1.2)),
      });
    }
  }
  for (let i = 0; i < 6; i++) points.push({ phase: 'optimizer', op: 'adamw', activations: 0, workspace: 4096 });
  return points;
}

function addImportance(
  shape: RunShape,
  { step, noise }: { step: number; noise: (width: number) => number },
  add: (event: TrainEvent) => void,
): void {
  const report = reportOf(configOf(shape).method, { step, steps: shape.steps, blocks: shape.blocks, noise });
  if (report) add({ type: 'importance', step, ...report });
}

/** Few-shot prompting: no step, an evaluation after each draw, the implicit update at the end. */
function addDraws(shape: RunShape, add: (event: TrainEvent) => void): void {
  const next = random(shape.seed ?? 42);
  const draws: EvaluationDraw[] = [];
  const mean = (of: (draw: EvaluationDraw) => number): number =>
    draws.reduce((sum, draw) => sum + of(draw), 0) / draws.length;
  for (let draw = 0; draw < 5; draw++) {
    const loss = 6.1 + 0.3 * next();
    const rows = Array.from({ length: 4 }, () => Math.floor(839 * next()));
    draws.push({ rows, loss, logLikelihood: -loss * 2310, exactMatch: Math.floor(4 * next()) / 85 });
    const exactMatch = mean(one => one.exactMatch ?? 0);
    add({ type: 'evaluation', step: 0, loss: mean(one => one.loss), lossTokens: 2310, exactMatch, draws: [...draws] });
  }
  addImportance(shape, { step: 0, noise: width => (next() - 0.5) * width }, add);
}

/** The events folded as the host would. */
export function viewOf(shape: RunShape): RunView {
  return eventsOf(shape).reduce(fold, emptyView(manifestOf(shape)));
}
