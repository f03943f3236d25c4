import type { Kernel } from '../runtime/kernel';
import { put, type Vector } from './kernelSource';
import { normColumnKernel, normRowKernel, type NormRow } from './normKernels';

/** Row kernel: y and 1/rms. */
export function rmsForward(row: NormRow): Kernel {
  return normRowKernel('rms_norm', 'forward', row, load => ({
    storage: { x: 'array<V>', weight: load.type, y: 'array<V>', rstd: 'array<f32>' },
    main: `  var squares = V();
  for (var c = lane; c < p.columns; c += LANES) {
    let v = x[base + c];
    squares += v * v;
  }
  let r = 1.0 / sqrt(row_sum(total(squares), lane) / p.width + p.epsilon);
  if (lane == 0u) { rstd[row] = r; }
  for (var c = lane; c < p.columns; c += LANES) {
    y[base + c] = x[base + c] * r * ${load.at('weight', 'c')};
  }`,
  }));
}

/** Row kernel: dx = r·(g − x·r²·mean(g·x)), with g = dy·weight and r = 1/rms. */
export function rmsInputGradient(row: NormRow): Kernel {
  return normRowKernel('rms_norm', 'gradient', row, load => ({
    storage: { x: 'array<V>', weight: load.type, rstd: 'array<f32>', dy: 'array<V>', dx: 'array<V>' },
    main: `  var products = V();
  for (var c = lane; c < p.columns; c += LANES) {
    products += dy[base + c] * ${load.at('weight', 'c')} * x[base + c];
  }
  let r = rstd[row];
  let k = row_sum(total(products), lane) / p.width * r * r;
  for (var c = lane; c < p.columns; c += LANES) {
    let value = (dy[base + c] * ${load.at('weight', 'c')} - x[base + c] * k) * r;
    ${put('dx[base + c]', 'value')}
  }`,
  }));
}

/** Column kernel: partial[chunk, c] = Σ over the chunk's rows of dy·x·r. */
export function rmsWeightGradient(vector: Vector): Kernel {
  return normColumnKernel(
    'rms_norm',
    vector,
    { rstd: 'array<f32>' },
    {
      open: '  var sum = V();',
      add: '    sum += dy[at] * (x[at] * rstd[row]);',
      store: '  partial[i] = sum;',
    },
  );
}
