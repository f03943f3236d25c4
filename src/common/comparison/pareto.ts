/** A thing with a cost and a loss, both better when lower. */
export interface Tradeoff {
  readonly cost: number;
  readonly loss: number;
}

/**
 * Those that no other beats: nothing costs at most as much and loses at most as much, and less in one of the two. Equal
 * ones stay together. In order of rising cost; points with a number that is not finite are left out.
 */
export function paretoFront<T extends Tradeoff>(points: readonly T[]): T[] {
  const finite = points.filter(({ cost, loss }) => Number.isFinite(cost) && Number.isFinite(loss));
  const beats = (a: T, b: T): boolean => a.cost <= b.cost && a.loss <= b.loss && (a.cost < b.cost || a.loss < b.loss);
  const front = finite.filter(point => !finite.some(other => beats(other, point)));
  return front.sort((a, b) => a.cost - b.cost || a.loss - b.loss);
}
