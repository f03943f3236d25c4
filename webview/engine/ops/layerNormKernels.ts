import type { Kernel } from '../runtime/kernel';
import { put, type Vector } from './kernelSource';
import { normColumnKernel, normRowKernel, type NormRow } from './normKernels';

/** Row kernel: y, mean and 1/σ. The variance is taken around the mean, in a second pass, because E[x²]−E[x]² cancels. */
export function layerNormForward(row: NormRow): Kernel {
  return normRowKernel('layer_norm', 'forward', row, load => ({
    storage: { x: 'array<V>', weight: load.type, bias: load.type, y: 'array<V>', stats: 'array<vec2<f32>>' },
    main: `  var sum = V();
  for (var c = lane; c < p.columns; c += LANES) { sum += x[base + c]; }
  let mean = row_sum(total(sum), lane) / p.width;
  var squares = V();
  for (var c = lane; c < p.columns; c += LANES) {
    let v = x[base + c] - mean;
    squares += v * v;
  }
  let r = 1.0 / sqrt(row_sum(total(squares), lane) / p.width + p.epsilon);
  if (lane == 0u) { stats[row] = vec2<f32>(mean, r); }
  for (var c = lane; c < p.columns; c += LANES) {
    y[base + c] = (x[base + c] - mean) * r * ${load.at('weight', 'c')} + ${load.at('bias', 'c')};
  }`,
  }));
}

/** Row kernel: dx = r·(g − mean(g) − x̂·mean(g·x̂)), with g = dy·weight and x̂ = (x − mean)·r. */
export function layerNormInputGradient(row: NormRow): Kernel {
  return normRowKernel('layer_norm', 'gradient', row, load => ({
    storage: { x: 'array<V>', weight: load.type, stats: 'array<vec2<f32>>', dy: 'array<V>', dx: 'array<V>' },
    main: `  let mean = stats[row].x;
  let r = stats[row].y;
  var sum = V();
  var products = V();
  for (var c = lane; c < p.columns; c += LANES) {
    let v = dy[base + c] * ${load.at('weight', 'c')};
    sum += v;
    products += v * (x[base + c] - mean);
  }
  let shift = row_sum(total(sum), lane) / p.width;
  let slope = row_sum(total(products), lane) / p.width * r * r;
  for (var c = lane; c < p.columns; c += LANES) {
    let value = (dy[base + c] * ${load.at('weight', 'c')} - shift - (x[base + c] - mean) * slope) * r;
    ${put('dx[base + c]', 'value')}
  }`,
  }));
}

/** Column kernel: partial[chunk] = (Σ dy·x̂ ‖ Σ dy) over the chunk's rows, two rows of width n side by side. */
export function layerNormWeightGradient(vector: Vector): Kernel {
  const stats = { stats: 'array<vec2<f32>>' };
  return normColumnKernel('layer_norm', vector, stats, {
    open: `  var slope = V();
  var shift = V();`,
    add: `    slope += dy[at] * ((x[at] - stats[row].x) * stats[row].y);
    shift += dy[at];`,
    store: `  partial[chunk * p.columns * 2u + column] = slope;
  partial[chunk * p.columns * 2u + p.columns + column] = shift;`,
  });
}
