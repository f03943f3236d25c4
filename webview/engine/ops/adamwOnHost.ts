import kernel from './adamw.wat';

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

/** One AdamW step, in place: new moments and parameters. */
export type HostAdamW = (values: AdamWValues, rates: AdamWRates) => void;

/** What is used of WebAssembly, which not every environment of the engine declares. */
export interface Wasm {
  readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => object;
  readonly Instance: new (module: object) => { readonly exports: object };
}

interface KernelExports {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly adamw: (...values: number[]) => void;
}

/** The factor that torch's clip_grad_norm_ puts on gradients, in f32, from Σg² over everything that is trained; 0: off. */
export function clipOf(maxNorm: number, squares: number): number {
  const { fround } = Math;
  if (maxNorm <= 0) return 1;
  const norm = fround(fround(Math.sqrt(fround(squares))) + fround(1e-6));
  return Math.min(1, fround(fround(maxNorm) / norm));
}

/** AdamW on the host: four values at a time where WebAssembly may be compiled and has SIMD, otherwise the loop; same bits. */
export function adamwOnHost(wasm = (globalThis as { readonly WebAssembly?: Wasm }).WebAssembly): HostAdamW {
  try {
    return wasm ? adamwInWasm(wasm) : adamwInLoop;
  } catch {
    // A page's policy forbids to compile, or the browser does not know the instructions.
    return adamwInLoop;
  }
}

/** AdamW by adamw.wat, which moves through 256 KiB of memory of its own. Throws where the module is refused. */
export function adamwInWasm(wasm: Wasm): HostAdamW {
  const { memory, adamw } = new wasm.Instance(new wasm.Module(kernel)).exports as KernelExports;
  const most = memory.buffer.byteLength / 16;
  const parts = ['gradient', 'm', 'v', 'parameter'] as const;
  const scratch = parts.map((_, index) => new Float32Array(memory.buffer, index * most * 4, most));
  const addresses = scratch.map(({ byteOffset }) => byteOffset);
  return (values, { clip, beta1, beta2, bias2Sqrt, epsilon, keep, rate }) => {
    const { length } = values.parameter;
    for (let from = 0; from < length; from += most) {
      const to = Math.min(from + most, length);
      for (const [index, part] of parts.entries()) scratch[index].set(values[part].subarray(from, to));
      // Up to three values behind the last one are computed and left there.
      const bytes = Math.ceil((to - from) / 4) * 16;
      // The call rounds to f32; 1 − β is formed in f64 first, as on the device.
      adamw(...addresses, bytes, clip, 1 - beta1, beta2, 1 - beta2, bias2Sqrt, epsilon, keep, rate);
      for (const index of [1, 2, 3]) values[parts[index]].set(scratch[index].subarray(0, to - from), from);
    }
  };
}

/**
 * AdamW operation by operation as the kernel of adamw.ts does it. Each one is rounded to f32: in f64 the loop is faster,
 * but a run at a high rate soon has other losses than on the device.
 */
export function adamwInLoop({ parameter, gradient, m, v }: AdamWValues, rates: AdamWRates): void {
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
