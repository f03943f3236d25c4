import type { Place } from '../runtime/hostMemory';
import type { HostRequest } from './hostPlan';
import type { LayoutBuilder } from './layout';
import type { Traffic } from './traffic';
import type { TrainableRange, Trainables, Twins } from './trainables';

/** A range whose moments the host keeps, and where the values are that it updates. */
export interface HostRange {
  readonly range: TrainableRange;
  /** The host has a copy of the values, so that they need not come down with the gradients. */
  readonly copied: boolean;
}

/** A piece of a range that moves at once; `from` and `count` in values. */
export interface HostChunk {
  readonly of: HostRange;
  readonly from: number;
  readonly count: number;
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

/** Values that move at once at most, 4 MiB. */
const mostValues = 2 ** 20;

/**
 * Plans moments on the host for every trained range. Nobody but the optimizer changes base weights, so that the host
 * keeps a copy of them; methods also change adapters (masks, selections), whose values come down with the gradients.
 */
export function planHostOptimizer(
  layout: LayoutBuilder,
  { ranges, groups, twins }: Trainables,
  place: Place,
): HostOptimizerPlan | undefined {
  if (ranges.length === 0) return undefined;
  const all = ranges.map(range => ({ range, copied: range.members[0].category === 'weights' }));
  const updated = all.filter(({ range }) => groups[range.group].optimizer === 'adamw');
  const chunkValues = Math.min(mostValues, Math.max(1, ...updated.map(({ range }) => range.count)));
  const parts = updated.every(({ copied }) => copied) ? 1 : 2;
  return {
    place,
    ranges: all,
    chunks: updated.flatMap(of => chunksOf(of, chunkValues)),
    staging: [1, 2].map(slot =>
      layout.plain(`optimizer read-back ${slot}`, 'staging', chunkValues * 4 * parts, 'readback'),
    ),
    chunkValues,
    twins,
  };
}

function chunksOf(of: HostRange, most: number): HostChunk[] {
  const { count } = of.range;
  return Array.from({ length: Math.ceil(count / most) }, (_, index) => {
    const from = index * most;
    return { of, from, count: Math.min(most, count - from) };
  });
}

/** What the ranges take off the device: two moments each, and a copy. */
export function optimizerRequests({ ranges, place }: HostOptimizerPlan): HostRequest[] {
  return ranges.flatMap(({ range, copied }) =>
    Array.from({ length: copied ? 3 : 2 }, () => ({ place, bytes: range.count * 4 })),
  );
}

/** What a step moves, by {@link downBytes} and {@link upBytes} of its chunks. */
export function optimizerTraffic(plan: HostOptimizerPlan | undefined): Traffic {
  const sum = (bytes: (chunk: HostChunk) => number) =>
    (plan?.chunks ?? []).reduce((total, chunk) => total + bytes(chunk), 0);
  return { up: sum(upBytes), down: sum(downBytes) };
}

/** Gradients, and values that the host has no copy of. */
export function downBytes({ of, count }: HostChunk): number {
  return count * 4 * (of.copied ? 1 : 2);
}

/** New values. */
export function upBytes({ count }: HostChunk): number {
  return count * 4;
}
