/** The states of the page that are worth a picture. */
import type { DashboardSnapshot } from '../../src/common/protocol';
import { protocolVersion } from '../../src/common/protocol';
import type { HostEvent, RunEvent, TrainEvent } from '../../src/common/run/events';
import { fold, foldAll } from '../../src/common/run/fold';
import { parseEvent } from '../../src/common/run/parseEvent';
import type { RunManifest, RunView } from '../../src/common/run/view';
import { eventsOf, manifestOf, viewOf, type RunShape } from './fixtures';

export interface Scene {
  /** What the host answers to `hydrate`; undefined: it never answers. */
  readonly snapshot?: DashboardSnapshot;
  /** Events that arrive afterwards, a few every 100 ms. */
  readonly stream?: { readonly runId: string; readonly events: readonly RunEvent[] };
  readonly refuse?: boolean;
}

const base: RunShape = { name: 'devil-lora-r16', steps: 200, done: 128, blocks: 4, rank: 16, budgetMib: 24 };
const other: RunShape = {
  name: 'devil-lora',
  steps: 200,
  done: 200,
  blocks: 4,
  seed: 7,
  floor: 2.05,
  state: 'completed',
};

const offloaded: RunShape = {
  ...base,
  name: 'devil-offload',
  memory: { gradient_checkpointing: 'block', offload: { parameters: 'cpu' } },
};
const everywhere = { parameters: 'cpu', activations: 'cpu', optimizer: 'disk' };
const plain: RunShape = { ...other, name: 'devil-plain', rank: 16, memory: {} };

function show(...runs: RunView[]): Scene {
  return { snapshot: { version: protocolVersion, runs } };
}

function withEvents(shape: RunShape, ...events: readonly (TrainEvent | HostEvent)[]): RunView {
  const view = viewOf(shape);
  for (const event of events) fold(view, { ...event, seq: view.seq + 1, time: view.updatedAt + 5 });
  return view;
}

function methodRun(method: NonNullable<RunShape['method']>): RunView {
  return viewOf({ ...base, name: `devil-${method}`, method, done: 200, state: 'completed' });
}

interface Recorded {
  readonly manifest: RunManifest;
  /** Lines of all segments and tails, some of them twice. */
  readonly lines: readonly string[];
}

function recorded(): RunView[] {
  const given = (globalThis as { recordedRuns?: readonly Recorded[] }).recordedRuns ?? [];
  return given.map(({ manifest, lines }) => {
    const events = lines
      .map(parseEvent)
      .filter(event => event !== undefined && event.type !== 'unknown')
      .sort((a, b) => a.seq - b.seq);
    return foldAll(manifest, events);
  });
}

function live(): Scene {
  const shape = { ...base, done: 200, state: 'completed' as const };
  const events = eventsOf(shape);
  const view = viewOf({ ...base, done: 60 });
  return {
    snapshot: { version: protocolVersion, runs: [view] },
    stream: { runId: manifestOf(shape).id, events: events.filter(event => event.seq > view.seq) },
  };
}

const overlong = {
  code: 'data.truncated',
  message: '12 rows of devil.train.jsonl are longer than 128 tokens and were cut.',
  hint: 'Raise data.max_length to 180 to keep them whole.',
};
const slow = {
  code: 'gpu.software',
  message: 'This adapter computes on the CPU (SwiftShader).',
  hint: 'Results are right but slow; enable hardware WebGPU to use the graphics card.',
};
const nonFinite = {
  code: 'train.nonFinite',
  message: 'The loss became NaN at step 97.',
  hint: 'Lower training.learning_rate (now 0.001) or turn on clipping with training.max_grad_norm, then resume from step 50.',
};

/** By name, as the address bar gives it. */
export const scenes: Readonly<Record<string, () => Scene>> = {
  running: () => show(viewOf(base)),
  overlay: () => show(viewOf(base), viewOf(other)),
  compare: () =>
    show(
      viewOf(base),
      viewOf(other),
      ...[4, 32, 64, 16].map((rank, i) =>
        viewOf({
          ...other,
          name: rank === 16 ? base.name : `devil-lora-r${rank}`,
          rank,
          seed: 9 + i,
          floor: 1.8 + 0.15 * i,
          created: 90 * i,
        }),
      ),
    ),
  /** Checkpointing and offloaded weights, with the same run without them beside it. */
  offload: () => show(viewOf(offloaded), viewOf(plain)),
  /** With the inputs of blocks beside them, and the optimizer on a disk. */
  offloaded: () => show(viewOf({ ...offloaded, memory: { ...offloaded.memory, offload: everywhere } })),
  paused: () => show(viewOf({ ...base, state: 'paused' })),
  completed: () => show(viewOf({ ...base, done: 200, state: 'completed' })),
  interrupted: () =>
    show(
      withEvents(
        { ...base, state: 'interrupted' },
        { type: 'warning', problem: overlong },
        { type: 'warning', problem: slow },
      ),
    ),
  failed: () =>
    show(
      withEvents(
        { ...base, done: 97 },
        { type: 'warning', problem: slow },
        { type: 'state', state: 'failed', problem: nonFinite },
      ),
    ),
  starting: () => show(viewOf({ ...base, done: 0, state: 'starting' })),
  queued: () => show(viewOf({ ...base, done: 0, state: 'queued' })),
  full: () => show(viewOf({ ...base, name: 'devil-full', method: 'full', budgetMib: 1024 })),
  large: () =>
    show(
      viewOf({
        ...base,
        name: 'long-run',
        steps: 10_000,
        done: 10_000,
        blocks: 32,
        evalEvery: 500,
        state: 'completed',
      }),
    ),
  adalora: () => show(methodRun('adalora')),
  weightlora: () => show(methodRun('weightlora')),
  bottleneck: () => show(methodRun('bottleneck')),
  prefix: () => show(methodRun('prefix')),
  'p-tuning': () => show(methodRun('p-tuning')),
  'p-tuning-v2': () => show(methodRun('p-tuning-v2')),
  'few-shot': () =>
    show(viewOf({ ...base, name: 'devil-few-shot', method: 'few-shot', steps: 0, done: 0, state: 'completed' })),
  /** Run folders that the preview was given. */
  recorded: () => show(...recorded()),
  live,
  empty: () => show(),
  loading: () => ({}),
  outdated: () => ({ snapshot: { version: 0, runs: [] } }),
  unreachable: () => ({ refuse: true }),
};
