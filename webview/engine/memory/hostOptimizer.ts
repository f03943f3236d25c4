import { elements, type Tensor } from '../graph/tensor';
import type { Place } from '../runtime/hostMemory';
import type { HostRequest } from './hostPlan';
import type { LayoutBuilder } from './layout';
import type { StreamPlan } from './streams';
import type { Traffic } from './traffic';
import type { TrainableRange, Trainables, Twins } from './trainables';

/** A range whose moments the host keeps, and where the values are that it updates. */
export interface HostRange {
  readonly range: TrainableRange;
  /**
   * `device`: they come down with the gradients. `copied`: the host has a copy of them. `streamed`: they wait off the
   * device and nowhere else, and are updated there.
   */
  readonly values: 'device' | 'copied' | 'streamed';
}

/** A piece of a range that moves at once; all counts are in values. */
export interface HostChunk {
  readonly of: HostRange;
  readonly from: number;
  readonly count: number;
  /** Of a streamed range: the tensor that the piece is from, and where it begins there. */
  readonly tensor: Tensor;
  readonly at: number;
}

/** What AdamW on the host needs: moments there, and fixed staging on the device. */
export interface HostOptimizerPlan {
  /** Where moments and copies wait. */
  readonly place: Place;
  readonly ranges: readonly HostRange[];
  /** All values under AdamW, in order. */
  readonly chunks: readonly HostChunk[];
  /** Indices of two read-back buffers: one arrives while the other is used. */
  readonly staging: readonly number[];
  /** Most values of a chunk. In a read-back buffer the gradients come first, and values behind them at this place. */
  readonly chunkValues: number;
  /** By parameter id. */
  readonly twins: ReadonlyMap<number, Twins>;
}

export interface HostOptimizerInput {
  readonly trainables: Trainables;
  readonly streams?: StreamPlan;
  readonly place: Place;
}

/** Values that move at once at most, 4 MiB. */
const mostValues = 2 ** 20;

/**
 * Plans moments on the host for every trained range. Nobody but the optimizer changes base weights, so that the host
 * keeps a copy of them; methods also change adapters (masks, selections), whose values come down with the gradients.
 */
export function planHostOptimizer(
  layout: LayoutBuilder,
  { trainables, streams, place }: HostOptimizerInput,
): HostOptimizerPlan | undefined {
  const { ranges, groups, twins } = trainables;
  if (ranges.length === 0) return undefined;
  const all = ranges.map((range): HostRange => {
    const { category } = range.members[0];
    const waits = streams?.unitOf.has(range.parameter.id) === true;
    return { range, values: waits ? 'streamed' : category === 'weights' ? 'copied' : 'device' };
  });
  const updated = all.filter(({ range }) => groups[range.group].optimizer === 'adamw');
  const chunks = updated.flatMap(of => (of.values === 'streamed' ? chunksByTensor(layout, of, twins) : chunksOf(of)));
  const chunkValues = Math.max(1, ...chunks.map(({ count }) => count));
  const parts = updated.some(({ values }) => values === 'device') ? 2 : 1;
  return {
    place,
    ranges: all,
    chunks,
    staging: [1, 2].map(slot =>
      layout.plain(`optimizer read-back ${slot}`, 'staging', chunkValues * 4 * parts, 'readback'),
    ),
    chunkValues,
    twins,
  };
}

function chunksOf(of: HostRange): HostChunk[] {
  const { count, parameter } = of.range;
  return cut(count).map(piece => ({ ...piece, of, tensor: parameter, from: piece.at }));
}

/** Each tensor waits in a block of its own. */
function chunksByTensor({ placements }: LayoutBuilder, of: HostRange, twins: HostOptimizerPlan['twins']): HostChunk[] {
  const offsetOf = (tensor: Tensor | undefined) => (tensor && placements.get(tensor.id)?.offset) ?? 0;
  return of.range.members.flatMap(({ tensor }) => {
    const first = (offsetOf(twins.get(tensor.id)?.gradient) - offsetOf(of.range.gradient)) / 4;
    return cut(elements(tensor.shape)).map(piece => ({ ...piece, of, tensor, from: first + piece.at }));
  });
}

function cut(count: number): { at: number; count: number }[] {
  return Array.from({ length: Math.ceil(count / mostValues) }, (_, index) => {
    const at = index * mostValues;
    return { at, count: Math.min(mostValues, count - at) };
  });
}

/** What the ranges take off the device: two moments each, and a copy. */
export function optimizerRequests({ ranges, place }: HostOptimizerPlan): HostRequest[] {
  return ranges.flatMap(({ range, values }) =>
    Array.from({ length: values === 'copied' ? 3 : 2 }, () => ({ place, bytes: range.count * 4 })),
  );
}

/** What a step moves, by {@link downBytes} and {@link upBytes} of its chunks. */
export function optimizerTraffic(plan: HostOptimizerPlan | undefined): Traffic {
  const sum = (bytes: (chunk: HostChunk) => number) =>
    (plan?.chunks ?? []).reduce((total, chunk) => total + bytes(chunk), 0);
  return { up: sum(upBytes), down: sum(downBytes) };
}

/** Gradients, and values that only the device has. */
export function downBytes({ of, count }: HostChunk): number {
  return count * 4 * (of.values === 'device' ? 2 : 1);
}

/** New values; those that wait off the device come with their next turn. */
export function upBytes({ of, count }: HostChunk): number {
  return of.values === 'streamed' ? 0 : count * 4;
}
