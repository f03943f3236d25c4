/** A dense layer on the host: weight [out, in] row-major, bias [out]. */
export interface Dense {
  readonly weight: Float32Array;
  readonly bias: Float32Array;
}

/** y [rows, out] = f(x [rows, in] · Wᵀ + b), summed in f64 and rounded once. */
export function denseRows(
  x: Float32Array,
  rows: number,
  { weight, bias }: Dense,
  f: (value: number) => number = value => value,
): Float32Array<ArrayBuffer> {
  const outer = bias.length;
  const inner = weight.length / outer;
  const y = new Float32Array(rows * outer);
  for (let row = 0; row < rows; row++)
    for (let o = 0; o < outer; o++) {
      let sum = bias[o];
      for (let i = 0; i < inner; i++) sum += weight[o * inner + i] * x[row * inner + i];
      y[row * outer + o] = f(sum);
    }
  return y;
}
