/**
 * Exponential smoothing as TensorBoard draws it: s = w·s + (1−w)·x from s = 0, divided by 1 − wⁿ so that the first
 * points are not pulled towards zero. Non-finite values pass through and leave the state alone, a constant series stays
 * as it is (`tensorboard/plugins/scalar`, "debiased" weight).
 *
 * @param weight 0 (raw) to below 1.
 */
export function smooth(values: readonly number[], weight: number): number[] {
  const w = Math.min(Math.max(weight, 0), 0.9999);
  if (w === 0) return [...values];
  let last = 0;
  let debias = 1;
  return values.map(value => {
    if (!Number.isFinite(value)) return value;
    last = last * w + (1 - w) * value;
    debias *= w;
    return last / (1 - debias);
  });
}

/**
 * Indices that keep the look of a line when it has more points than pixels: the lowest and the highest value of each
 * bucket, so that no spike disappears; first and last are kept. Non-finite values are kept only at the ends.
 *
 * @param maxPoints upper bound of the result's length, at least 4.
 */
export function decimate(values: readonly number[], maxPoints: number): number[] {
  const n = values.length;
  const limit = Math.max(4, Math.floor(maxPoints));
  if (n <= limit) return values.map((_, index) => index);
  const buckets = Math.floor((limit - 2) / 2);
  const kept = [0];
  for (let bucket = 0; bucket < buckets; bucket++) {
    const from = 1 + Math.floor((bucket * (n - 2)) / buckets);
    const to = 1 + Math.floor(((bucket + 1) * (n - 2)) / buckets);
    kept.push(...extremes(values, from, to));
  }
  kept.push(n - 1);
  return kept;
}

function extremes(values: readonly number[], from: number, to: number): number[] {
  let low = -1;
  let high = -1;
  for (let index = from; index < to; index++) {
    if (!Number.isFinite(values[index])) continue;
    if (low < 0 || values[index] < values[low]) low = index;
    if (high < 0 || values[index] > values[high]) high = index;
  }
  if (low < 0) return [];
  if (low === high) return [low];
  return low < high ? [low, high] : [high, low];
}

/** Median of finite values; `undefined` for none. */
export function median(values: readonly number[]): number | undefined {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  if (sorted.length === 0) return undefined;
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
