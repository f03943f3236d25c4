/** A token stream grouped by id, padded to the stream's length so that its tensors have one size. */
export interface EmbeddingBuckets {
  /** The ids that occur, ascending; entries past `count` are 0. */
  readonly unique: Uint32Array<ArrayBuffer>;
  /** `start[u]` … `start[u + 1]` are the entries of `order` for `unique[u]`; past `count` all equal the length. */
  readonly start: Uint32Array<ArrayBuffer>;
  /** Positions in the stream, sorted by id, stable. */
  readonly order: Uint32Array<ArrayBuffer>;
  readonly count: number;
}

/** Sorted token buckets: with them every vocabulary row sums its gradients in stream order, without atomics. */
export function embeddingBuckets(ids: ArrayLike<number>): EmbeddingBuckets {
  const length = ids.length;
  const order = Uint32Array.from({ length }, (_, index) => index).sort((a, b) => ids[a] - ids[b] || a - b);
  const unique = new Uint32Array(length);
  const start = new Uint32Array(length + 1).fill(length);
  let count = 0;
  order.forEach((position, index) => {
    if (index > 0 && ids[position] === unique[count - 1]) return;
    unique[count] = ids[position];
    start[count++] = index;
  });
  return { unique, start, order, count };
}
