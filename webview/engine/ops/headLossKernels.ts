import type { Kernel } from '../runtime/kernel';
import { kernelOf } from './kernelSource';

/** Label of a position that has no loss. */
export const ignoredLabel = 0xffffffff;

/**
 * Per (row, segment) of logits: its maximum and Σ exp(logit − maximum). One invocation each; `partial` has `stride`
 * segments a row, of which these are the ones from element `at` on.
 */
export function segmentKernel(): Kernel {
  return kernelOf('loss_segments', () => ({
    storage: { logits: 'array<vec4<f32>>', partial: 'array<vec2<f32>>' },
    params: { rows: 'u32', vocabulary: 'u32', pitch: 'u32', segments: 'u32', length: 'u32', stride: 'u32', at: 'u32' },
    main: `  let row = i / p.segments;
  if (row >= p.rows) { return; }
  let first = (i - row * p.segments) * p.length;
  let end = min(p.vocabulary, first + p.length);
  let whole = end / 4u;
  let at = row * p.pitch / 4u;
  let lanes = end - whole * 4u;
  let tail = select(vec4<f32>(-3.4e38), logits[at + min(whole, p.pitch / 4u - 1u)], vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(lanes));
  var most = tail;
  for (var v = first / 4u; v < whole; v++) { most = max(most, logits[at + v]); }
  let maximum = max(max(most.x, most.y), max(most.z, most.w));
  var sum = select(vec4<f32>(), exp(tail - maximum), vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(lanes));
  for (var v = first / 4u; v < whole; v++) { sum += exp(logits[at + v] - maximum); }
  partial[p.at + row * p.stride + i - row * p.segments] = vec2<f32>(maximum, (sum.x + sum.y) + (sum.z + sum.w));`,
  }));
}

/** Per row: log Σ exp, and the loss, 0 where the label is ignored. `logits` may be those of the labels alone (`picked`). */
export function rowKernel(): Kernel {
  return kernelOf('loss_rows', () => ({
    storage: {
      partial: 'array<vec2<f32>>',
      logits: 'array<f32>',
      labels: 'array<u32>',
      log_sum: 'array<f32>',
      losses: 'array<f32>',
    },
    params: { rows: 'u32', pitch: 'u32', segments: 'u32', first_row: 'u32', picked: 'u32' },
    main: `  if (i >= p.rows) { return; }
  var maximum = -3.4e38;
  for (var s = 0u; s < p.segments; s++) { maximum = max(maximum, partial[i * p.segments + s].x); }
  var sum = 0.0;
  for (var s = 0u; s < p.segments; s++) {
    let part = partial[i * p.segments + s];
    sum += part.y * exp(part.x - maximum);
  }
  let label = labels[p.first_row + i];
  log_sum[i] = maximum + log(sum);
  var loss = 0.0;
  if (label != ${ignoredLabel}u) { loss = log_sum[i] - logits[i * p.pitch + select(label, 0u, p.picked == 1u)]; }
  losses[p.first_row + i] = loss;`,
  }));
}

/** picked[first_row + r] = the logit of the label of row r, where that label is in these columns. */
export function pickLabelKernel(): Kernel {
  return kernelOf('loss_labels', () => ({
    storage: { logits: 'array<f32>', labels: 'array<u32>', picked: 'array<f32>' },
    params: { rows: 'u32', columns: 'u32', pitch: 'u32', first_row: 'u32', first_column: 'u32' },
    main: `  if (i >= p.rows) { return; }
  let row = p.first_row + i;
  let column = labels[row] - p.first_column;
  if (labels[row] >= p.first_column && column < p.columns) { picked[row] = logits[i * p.pitch + column]; }`,
  }));
}

/** In place: logits become loss_scale · (softmax − one-hot), 0 in ignored rows and in the padding columns. */
export function gradientKernel(): Kernel {
  return kernelOf('loss_gradient', () => ({
    storage: { logits: 'array<vec4<f32>>', labels: 'array<u32>', log_sum: 'array<f32>' },
    params: { rows: 'u32', vocabulary: 'u32', pitch: 'u32', first_row: 'u32', first_column: 'u32', sum_row: 'u32' },
    step: true,
    main: `  let vectors = p.pitch / 4u;
  let row = i / vectors;
  if (row >= p.rows) { return; }
  let columns = vec4<u32>(0u, 1u, 2u, 3u) + (i - row * vectors) * 4u;
  let label = labels[p.first_row + row];
  let hot = select(vec4<f32>(), vec4<f32>(1.0), columns + p.first_column == vec4<u32>(label));
  let value = (exp(logits[i] - log_sum[p.sum_row + row]) - hot) * step.loss_scale;
  let counted = vec4<bool>(label != ${ignoredLabel}u) & (columns < vec4<u32>(p.vocabulary));
  logits[i] = select(vec4<f32>(), value, counted);`,
  }));
}

/** out [R, d] = x[rows[r]], row by row. */
export function pickRowsKernel(): Kernel {
  return kernelOf('pick_rows', () => ({
    storage: { rows: 'array<u32>', x: 'array<f32>', out: 'array<f32>' },
    params: { count: 'u32', d: 'u32' },
    main: `  let row = i / p.d;
  if (row >= p.count) { return; }
  out[i] = x[rows[row] * p.d + i % p.d];`,
  }));
}

/** out [R, n] = the first n columns of padded [R, pitch]. */
export function compactKernel(): Kernel {
  return kernelOf('compact_rows', () => ({
    storage: { padded: 'array<f32>', out: 'array<f32>' },
    params: { count: 'u32', n: 'u32', pitch: 'u32' },
    main: `  let row = i / p.n;
  if (row >= p.count) { return; }
  out[i] = padded[row * p.pitch + i % p.n];`,
  }));
}
