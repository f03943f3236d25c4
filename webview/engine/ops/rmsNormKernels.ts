import type { Tensor } from '../graph/tensor';
import type { Kernel, Profile } from '../runtime/kernel';
import { kernelOf, put, rowShape, type Vector } from './kernelSource';
import { frozenVector } from './normWeight';
import { rowsPerChunk } from './reduce';

/** Row kernel: y and 1/rms. */
export function rmsForward(profile: Profile, weight: Tensor, vector: Vector): Kernel {
  const rows = rowShape(profile);
  const load = frozenVector(weight, vector);
  return kernelOf(`rms_norm${load.suffix}${vector.suffix}${rows.suffix}`, () => ({
    storage: { x: 'array<V>', weight: load.type, y: 'array<V>', rstd: 'array<f32>' },
    params: { rows: 'u32', columns: 'u32', width: 'f32', epsilon: 'f32' },
    declarations: vector.declarations + rows.declarations,
    main: `${rows.enter}
  let base = row * p.columns;
  var squares = V();
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
export function rmsInputGradient(profile: Profile, weight: Tensor, vector: Vector): Kernel {
  const rows = rowShape(profile);
  const load = frozenVector(weight, vector);
  return kernelOf(`rms_norm_dx${load.suffix}${vector.suffix}${rows.suffix}`, () => ({
    storage: { x: 'array<V>', weight: load.type, rstd: 'array<f32>', dy: 'array<V>', dx: 'array<V>' },
    params: { rows: 'u32', columns: 'u32', width: 'f32', accumulate: 'u32' },
    declarations: vector.declarations + rows.declarations,
    main: `${rows.enter}
  let base = row * p.columns;
  var products = V();
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
  return kernelOf(`rms_norm_dw${vector.suffix}`, () => ({
    storage: { x: 'array<V>', rstd: 'array<f32>', dy: 'array<V>', partial: 'array<V>' },
    params: { rows: 'u32', columns: 'u32', chunks: 'u32' },
    declarations: vector.declarations,
    main: `  let column = i % p.columns;
  let chunk = i / p.columns;
  if (chunk >= p.chunks) { return; }
  let end = min(p.rows, (chunk + 1u) * ${rowsPerChunk}u);
  var sum = V();
  for (var row = chunk * ${rowsPerChunk}u; row < end; row++) {
    let at = row * p.columns + column;
    sum += dy[at] * (x[at] * rstd[row]);
  }
  partial[i] = sum;`,
  }));
}
