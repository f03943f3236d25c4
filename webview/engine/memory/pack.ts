/** A block that must be resident from dispatch `first` to dispatch `last`, inclusive. */
export interface Interval {
  readonly id: number;
  readonly bytes: number;
  readonly first: number;
  readonly last: number;
}

export interface Packed {
  /** Bin and byte offset by interval id. */
  readonly slots: ReadonlyMap<number, { readonly bin: number; readonly offset: number }>;
  /** Bytes of each bin. */
  readonly bins: readonly number[];
}

interface Placed extends Interval {
  readonly offset: number;
}

/**
 * Packs intervals into as few bytes as greedy-by-size with best fit finds (Pisarchyk and Lee, arXiv 2001.03288):
 * largest first, each into the smallest gap that is free for its whole life, else above everything it overlaps.
 * A bin never grows beyond `capacity` bytes; what does not fit goes to the next one. Ties keep the order of ids, so
 * the result is a pure function of the input. Every `bytes` must be a positive multiple of the alignment.
 */
export function packIntervals(intervals: readonly Interval[], capacity: number): Packed {
  const order = [...intervals].sort((a, b) => b.bytes - a.bytes || a.first - b.first || a.id - b.id);
  const placed: Placed[][] = [];
  const slots = new Map<number, { bin: number; offset: number }>();
  for (const interval of order) {
    for (let bin = 0; ; bin++) {
      placed[bin] ??= [];
      const offset = lowestFit(placed[bin], interval);
      if (offset + interval.bytes > capacity && placed[bin].length > 0) continue;
      insertByOffset(placed[bin], { ...interval, offset });
      slots.set(interval.id, { bin, offset });
      break;
    }
  }
  return { slots, bins: placed.map(bin => Math.max(...bin.map(block => block.offset + block.bytes))) };
}

/** Start of the smallest gap between blocks alive at the same time that holds `interval`; else the end of the last. */
function lowestFit(blocks: readonly Placed[], interval: Interval): number {
  let end = 0;
  let best = -1;
  let bestGap = Infinity;
  for (const block of blocks) {
    if (block.last < interval.first || block.first > interval.last) continue;
    const gap = block.offset - end;
    if (gap >= interval.bytes && gap < bestGap) {
      best = end;
      bestGap = gap;
    }
    end = Math.max(end, block.offset + block.bytes);
  }
  return best >= 0 ? best : end;
}

function insertByOffset(blocks: Placed[], block: Placed): void {
  let low = 0;
  let high = blocks.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (blocks[middle].offset <= block.offset) low = middle + 1;
    else high = middle;
  }
  blocks.splice(low, 0, block);
}
