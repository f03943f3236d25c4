/** No rank, width or prefix is larger than this. */
const largest = 4096;

/**
 * The size whose count of trainable parameters comes nearest to `target`; the smaller of two that are equally near.
 * Undefined if not even size 1 can be counted.
 *
 * @param count parameters at a size, which must not fall as the size grows; undefined where that size is impossible.
 */
export function nearestSize(target: number, count: (size: number) => number | undefined): number | undefined {
  const counted = (size: number): number => (size > largest ? undefined : count(size)) ?? Infinity;
  if (counted(1) === Infinity) return undefined;
  let below = 1;
  let above = 2;
  const reaches = (size: number): boolean => counted(size) >= target;
  while (!reaches(above)) {
    below = above;
    above *= 2;
  }
  while (above - below > 1) {
    const middle = (below + above) >> 1;
    if (reaches(middle)) above = middle;
    else below = middle;
  }
  const distance = (size: number): number => Math.abs(counted(size) - target);
  return distance(above) < distance(below) ? above : below;
}
