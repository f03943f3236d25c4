import type { RunEvent } from './events';
import { packTimeline, unpackTimeline } from './timelineLines';
import { packTriplets, unpackTriplets } from './tripletLines';

type Kind = 'number' | 'text' | 'flag' | 'list' | 'object';
type Shape = Readonly<Record<string, Kind>>;

/** What a line must have so that `fold` can take it; the rest of a line is kept as it is. */
const shapes: Readonly<Record<RunEvent['type'], Shape>> = {
  started: {
    adapter: 'object',
    totalSteps: 'number',
    startStep: 'number',
    trainableParameters: 'number',
    totalParameters: 'number',
    trainRows: 'number',
    evalRows: 'number',
    skippedRows: 'number',
    truncatedRows: 'number',
    stepsPerEpoch: 'number',
  },
  metrics: {
    step: 'number',
    loss: 'number',
    learningRate: 'number',
    gradNorm: 'number',
    stepMs: 'number',
    tokensPerSecond: 'number',
  },
  evaluation: { step: 'number', loss: 'number' },
  sample: { step: 'number', prompt: 'text', completion: 'text', tokens: 'number' },
  importance: { step: 'number', tables: 'list' },
  memory: { forecast: 'object', measured: 'object' },
  timeline: { points: 'list', fixed: 'object', peak: 'object' },
  transfers: { step: 'number', up: 'number', down: 'number', ms: 'number' },
  warning: { problem: 'object' },
  deviceLost: { step: 'number', message: 'text' },
  state: { state: 'text' },
  checkpoint: { step: 'number', path: 'text', best: 'flag' },
  pruned: { steps: 'list' },
  exported: { path: 'text' },
};

const states = 'queued starting running paused stopping stopped interrupted completed failed'.split(' ');

/** JSON has no NaN or Infinity; a number that was one is written as `null` and read back as NaN. */
export function formatEvent(event: RunEvent): string {
  return JSON.stringify(packed(event));
}

function packed(event: RunEvent): unknown {
  if (event.type === 'importance') return packTriplets(event);
  return event.type === 'timeline' ? packTimeline(event) : event;
}

/**
 * Reads one line of a run's events.
 *
 * @returns the event; `unknown` for a well-formed line of a type that this version does not know (it still takes its
 * place in the sequence); `undefined` for anything else.
 */
export function parseEvent(line: string): RunEvent | { readonly type: 'unknown'; readonly seq: number } | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (!isRecord(value) || !isCount(value.seq) || typeof value.type !== 'string') return undefined;
  if (!Object.hasOwn(shapes, value.type)) return { type: 'unknown', seq: value.seq };
  if (typeof value.time !== 'number' || !fits(value, shapes[value.type as RunEvent['type']])) return undefined;
  if (value.type === 'state' && !states.includes(value.state as string)) return undefined;
  if (value.type === 'importance' && value.triplets !== undefined) {
    value.triplets = unpackTriplets(value.triplets);
    if (!value.triplets) return undefined;
  }
  if (value.type === 'timeline') {
    const timeline = unpackTimeline(value);
    if (!timeline) return undefined;
    delete value.ops;
    Object.assign(value, timeline);
  }
  return value as unknown as RunEvent;
}

function fits(value: Record<string, unknown>, shape: Shape): boolean {
  for (const [key, kind] of Object.entries(shape)) {
    if (kind === 'number' && value[key] === null) value[key] = NaN;
    if (!isKind(value[key], kind)) return false;
  }
  return true;
}

function isKind(value: unknown, kind: Kind): boolean {
  switch (kind) {
    case 'number':
      return typeof value === 'number';
    case 'text':
      return typeof value === 'string';
    case 'flag':
      return typeof value === 'boolean';
    case 'list':
      return Array.isArray(value);
    case 'object':
      return isRecord(value);
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 1;
}
