/** A mean with its 95 % interval where there are enough values for one. */
export interface Estimate {
  readonly mean: number;
  readonly n: number;
  /** Half the width of the 95 % confidence interval (Student's t); from three values on. */
  readonly half?: number;
}

/** With two values the interval is twelve times their deviation and says nothing. */
export const fewestForInterval = 3;

/** Mean of finite values and the interval mean ± t·s/√n with the sample deviation s; undefined without any value. */
export function estimate(values: readonly number[]): Estimate | undefined {
  const finite = values.filter(Number.isFinite);
  const n = finite.length;
  if (n === 0) return undefined;
  const mean = finite.reduce((sum, value) => sum + value, 0) / n;
  if (n < fewestForInterval) return { mean, n };
  const squares = finite.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, n, half: (studentT975(n - 1) * Math.sqrt(squares / (n - 1))) / Math.sqrt(n) };
}

/** Two-sided 95 % quantiles of Student's t for 1 to 10 degrees of freedom. */
const small = [12.7062, 4.30265, 3.18245, 2.77645, 2.57058, 2.44691, 2.36462, 2.306, 2.26216, 2.22814];

/**
 * The 0.975 quantile of Student's t. Beyond ten degrees of freedom by the expansion about the normal quantile
 * (Abramowitz and Stegun 26.7.5), which is exact to four digits there.
 */
export function studentT975(degrees: number): number {
  if (degrees < 1) return Infinity;
  if (degrees <= small.length) return small[Math.round(degrees) - 1];
  const z = 1.959964;
  const g1 = (z ** 3 + z) / 4;
  const g2 = (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96;
  const g3 = (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / 384;
  return z + g1 / degrees + g2 / degrees ** 2 + g3 / degrees ** 3;
}

/** Half the width of the 95 % interval of a share `p` of `n` independent rows (normal approximation). */
export function shareHalf(p: number, n: number): number {
  return n === 0 ? Infinity : 1.959964 * Math.sqrt((p * (1 - p)) / n);
}
