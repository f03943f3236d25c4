import type { Tensor } from '../graph/tensor';
import type { Kernel, Profile } from '../runtime/kernel';
import { kernelOf, put, rowShape, type Vector } from './kernelSource';
import { frozenVector } from './normWeight';
import { rowsPerChunk } from './reduce';

/** Row kernel: y, mean and 1/σ. The variance is taken around the mean, in a second pass, because E[x²]−E[x]² cancels. */
export function layerNormForward(profile: Profile, weight: Tensor, vector: Vector): Kernel {
  const rows = rowShape(profile);
  const load = frozenVector(weight, vector);
  return kernelOf(`layer_norm${load.suffix}${vector.suffix}${rows.suffix}`, () => ({
    storage: { x: 'array<V>', weight: load.type, bias: load.type, y: 'array<V>', stats: 'array<vec2<f32>>' },
    params: { rows: 'u32', columns: 'u32', width: 'f32', epsilon: 'f32' },
    declarations: vector.declarations + rows.declarations,
    main: `${rows.enter}
  let base = row * p.columns;
  var sum = V();
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
export function layerNormInputGradient(profile: Profile, weight: Tensor, vector: Vector): Kernel {
  const rows = rowShape(profile);
  const load = frozenVector(weight, vector);
  return kernelOf(`layer_norm_dx${load.suffix}${vector.suffix}${rows.suffix}`, () => ({
    storage: { x: 'array<V>', weight: load.type, stats: 'array<vec2<f32>>', dy: 'array<V>', dx: 'array<V>' },
    params: { rows: 'u32', columns: 'u32', width: 'f32', accumulate: 'u32' },
    declarations: vector.declarations + rows.declarations,
    main: `${rows.enter}
  let base = row * p.columns;
  let mean = stats[row].x;
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
  return kernelOf(`layer_norm_dw${vector.suffix}`, () => ({
    storage: { x: 'array<V>', stats: 'array<vec2<f32>>', dy: 'array<V>', partial: 'array<V>' },
    params: { rows: 'u32', columns: 'u32', chunks: 'u32' },
    declarations: vector.declarations,
    main: `  let column = i % p.columns;
  let chunk = i / p.columns;
  if (chunk >= p.chunks) { return; }
  let end = min(p.rows, (chunk + 1u) * ${rowsPerChunk}u);
  var slope = V();
  var shift = V();
  for (var row = chunk * ${rowsPerChunk}u; row < end; row++) {
    let at = row * p.columns + column;
    slope += dy[at] * ((x[at] - stats[row].x) * stats[row].y);
    shift += dy[at];
  }
  partial[chunk * p.columns * 2u + column] = slope;
  partial[chunk * p.columns * 2u + p.columns + column] = shift;`,
  }));
}
