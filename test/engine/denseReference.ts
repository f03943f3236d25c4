/** Slow f64 references for matrix products, and half floats as the engine stores them. */

export interface ProductShape {
  readonly m: number;
  readonly n: number;
  readonly k: number;
}

/** a·bᵀ, a·b or aᵀ·b of row-major matrices. */
export function product(
  form: 'nt' | 'nn' | 'tn',
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  { m, n, k }: ProductShape,
): Float64Array {
  const out = new Float64Array(m * n);
  for (let i = 0; i < m; i++)
    for (let j = 0; j < n; j++) {
      let sum = 0;
      for (let t = 0; t < k; t++)
        sum += a[form === 'tn' ? t * m + i : i * k + t] * b[form === 'nt' ? j * k + t : t * n + j];
      out[i * n + j] = sum;
    }
  return out;
}

/** Nearest half float of a value of ordinary size, ties to even. */
export function roundHalf(value: number): number {
  const magnitude = Math.abs(value);
  if (magnitude === 0) return value;
  const exponent = Math.max(Math.floor(Math.log2(magnitude)), -14);
  const step = 2 ** (exponent - 10);
  const scaled = magnitude / step;
  const below = Math.floor(scaled);
  const rest = scaled - below;
  const rounded = rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
  return Math.sign(value) * rounded * step;
}

/** Packs values two to a word, first value in the low half, as `unpack2x16float` reads them. */
export function packHalf(values: ArrayLike<number>): Uint32Array {
  const words = new Uint32Array(Math.ceil(values.length / 2));
  for (let i = 0; i < values.length; i++) words[i >> 1] |= halfBits(values[i]) << ((i & 1) * 16);
  return words;
}

function halfBits(value: number): number {
  const rounded = roundHalf(value);
  const sign = rounded < 0 || Object.is(rounded, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(rounded);
  if (magnitude < 2 ** -14) return sign | (magnitude * 2 ** 24);
  const exponent = Math.floor(Math.log2(magnitude));
  return sign | ((exponent + 15) << 10) | ((magnitude / 2 ** exponent - 1) * 1024);
}
