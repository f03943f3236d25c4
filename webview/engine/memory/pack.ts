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
  const bins: Bin[] = [];
  const slots = new Map<number, { bin: number; offset: number }>();
  for (const interval of order) {
    for (let index = 0; ; index++) {
      const bin = (bins[index] ??= new Bin());
      const offset = lowestFit(bin.near(interval), interval);
      if (offset + interval.bytes > capacity && bin.bytes > 0) continue;
      const { id, bytes, first, last } = interval;
      bin.add({ id, bytes, first, last, offset });
      slots.set(interval.id, { bin: index, offset });
      break;
    }
  }
  return { slots, bins: bins.map(({ bytes }) => bytes) };
}

/** Windows of the time axis, in dispatches; each begins in the middle of the one before, so what is shorter than half of one lies within one. */
const stride = 64;

/** Placed blocks in the order of their offsets, also by windows of time: most blocks are short, and few are near. */
class Bin {
  /** End of the highest block. */
  bytes = 0;
  private readonly all: Placed[] = [];
  /** Blocks that touch a window, from when it was first asked for. */
  private readonly windows = new Map<number, Placed[]>();

  /** Blocks by offset, among them all that live at the same time as some of `interval`. */
  near({ first, last }: Interval): readonly Placed[] {
    const window = Math.floor(first / stride);
    if (last >= (window + 2) * stride) return this.all;
    const known = this.windows.get(window);
    if (known) return known;
    const touching = this.all.filter(block => block.last >= window * stride && block.first < (window + 2) * stride);
    this.windows.set(window, touching);
    return touching;
  }

  add(block: Placed): void {
    this.bytes = Math.max(this.bytes, block.offset + block.bytes);
    insertByOffset(this.all, block);
    const end = Math.floor(block.last / stride);
    for (let window = Math.floor(block.first / stride) - 1; window <= end; window++) {
      const near = this.windows.get(window);
      if (near) insertByOffset(near, block);
    }
  }
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
