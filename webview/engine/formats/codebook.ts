/**
 * What the codes of block formats mean: values of bitsandbytes' `functional.py` (`get_4bit_type`, `create_dynamic_map`).
 */

/** Quantiles of the normal distribution scaled to [-1, 1], with an exact zero (QLoRA, arXiv 2305.14314). Ascending. */
const nf4 = Float32Array.of(
  -1,
  -0.6961928009986877,
  -0.5250730514526367,
  -0.39491748809814453,
  -0.28444138169288635,
  -0.18477343022823334,
  -0.09105003625154495,
  0,
  0.07958029955625534,
  0.16093020141124725,
  0.24611230194568634,
  0.33791524171829224,
  0.44070982933044434,
  0.5626170039176941,
  0.7229568362236023,
  1,
);

/** One sign, two exponent and one fraction bit, in the order of the bit patterns; the largest magnitude is 12. */
const fp4Magnitudes = [0, 0.0625, 8, 12, 4, 6, 2, 3];
const fp4 = Float32Array.from([...fp4Magnitudes, ...fp4Magnitudes.map(value => -value)], value => value / 12);

/** Turns a value in [-1, 1] into its nearest code; halfway between two it takes the lower value. */
export interface Codebook {
  /** Value of each code. */
  readonly values: Float32Array;
  readonly encode: (value: number) => number;
}

function codebook(values: Float32Array): Codebook {
  // fp4 has two zeros. Like torch's argsort on a CPU the order takes code 0 first; CUDA kernels go by the sign instead.
  const order = [...values.keys()].sort((a, b) => values[a] - values[b] || a - b);
  // Sums of f32 values are exact in f64 here, so one rounding gives what f32 arithmetic gives.
  const middles = Float32Array.from(order.slice(1), (code, i) => Math.fround(values[order[i]] + values[code]) / 2);
  const encode = (value: number) => {
    let low = 0;
    let high = middles.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (value > middles[middle]) low = middle + 1;
      else high = middle;
    }
    return order[low];
  };
  return { values, encode };
}

export const codebooks: Readonly<Record<'nf4' | 'fp4', Codebook>> = { nf4: codebook(nf4), fp4: codebook(fp4) };

/** The signed dynamic type with 8 bits: seven decades, each with twice the resolution of the one below. Ascending. */
export function dynamicMap(): Float32Array {
  const values = [0, 1];
  for (let decade = 0; decade < 7; decade++) {
    const factor = Math.fround(10 ** (decade - 6));
    const bounds = linspace(0.1, 1, 2 ** decade + 1);
    for (let i = 1; i < bounds.length; i++) {
      const mean = Math.fround(Math.fround(bounds[i - 1] + bounds[i]) / 2);
      const value = Math.fround(factor * mean);
      values.push(value, -value);
    }
  }
  return Float32Array.from(values).sort();
}

/** torch's `linspace` in f32: both halves are counted from their own end. */
function linspace(first: number, last: number, count: number): Float32Array {
  const [start, end] = [Math.fround(first), Math.fround(last)];
  const step = Math.fround(Math.fround(end - start) / (count - 1));
  const half = count >> 1;
  return Float32Array.from({ length: count }, (_, i) => (i < half ? start + step * i : end - step * (count - 1 - i)));
}

export const dynamicCodebook: Codebook = codebook(dynamicMap());

/** Name of the tensor that holds {@link codeTables} in a run; no weight of a model. */
export const codeTablesName = 'quantization.codes';
/** All tables one after another, as the kernels read them. */
export const codeTables = Float32Array.of(...nf4, ...fp4, ...dynamicCodebook.values);
/** Offsets into {@link codeTables}. */
export const tableOffsets = { nf4: 0, fp4: 16, dynamic: 32 } as const;
