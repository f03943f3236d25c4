/** The numbers of one AdamW step for one parameter group; all are rounded to f32 before use. */
export interface AdamWRates {
  /** Factor on gradients from clipping, see {@link clipOf}. */
  readonly clip: number;
  readonly beta1: number;
  readonly beta2: number;
  /** √(1 − β2ᵗ) and ε. */
  readonly bias2Sqrt: number;
  readonly epsilon: number;
  /** 1 − lr·decay. */
  readonly keep: number;
  /** lr / (1 − β1ᵗ). */
  readonly rate: number;
}

/** Values of one stretch, all of the same length. `gradient` is only read. */
export interface AdamWValues {
  readonly parameter: Float32Array;
  readonly gradient: Float32Array;
  readonly m: Float32Array;
  readonly v: Float32Array;
}

/** The factor that torch's clip_grad_norm_ puts on gradients, in f32, from Σg² over everything that is trained; 0: off. */
export function clipOf(maxNorm: number, squares: number): number {
  const { fround } = Math;
  if (maxNorm <= 0) return 1;
  const norm = fround(fround(Math.sqrt(fround(squares))) + fround(1e-6));
  return Math.min(1, fround(fround(maxNorm) / norm));
}

/**
 * AdamW on the host, operation by operation what the kernel of adamw.ts does. Each one is rounded to f32: in f64 the loop
 * is faster, but a run at a high rate soon has other losses than on the device.
 */
export function adamwOnHost({ parameter, gradient, m, v }: AdamWValues, rates: AdamWRates): void {
  const { fround, sqrt } = Math;
  const clip = fround(rates.clip);
  const beta2 = fround(rates.beta2);
  // 1 − β is formed in f64 first, as on the device.
  const rise1 = fround(1 - rates.beta1);
  const rise2 = fround(1 - rates.beta2);
  const bias2Sqrt = fround(rates.bias2Sqrt);
  const epsilon = fround(rates.epsilon);
  const keep = fround(rates.keep);
  const rate = fround(rates.rate);
  for (let i = 0; i < parameter.length; i++) {
    const g = fround(gradient[i] * clip);
    const mean = fround(m[i] + fround(rise1 * fround(g - m[i])));
    const square = fround(fround(v[i] * beta2) + fround(fround(rise2 * g) * g));
    const denominator = fround(fround(fround(sqrt(square)) / bias2Sqrt) + epsilon);
    m[i] = mean;
    v[i] = square;
    parameter[i] = fround(fround(parameter[i] * keep) - fround(fround(rate * mean) / denominator));
  }
}
