import { problem } from '../../../src/common/errors';
import type { GraphBuilder } from '../graph/builder';
import type { BackwardEmitter, Emitter } from '../graph/node';
import type { Tensor } from '../graph/tensor';
import { grid1d, type Kernel } from '../runtime/kernel';
import { groupSize, kernelOf } from './kernelSource';

/** Rows `[firstRow, firstRow + rows)` of a vocabulary table too large for one binding; the tensor is [rows, d]. */
export interface TablePart {
  readonly tensor: Tensor;
  readonly firstRow: number;
  readonly rows: number;
}

/** Inputs filled from `embeddingBuckets`: [S], [S + 1] and [S]. */
export interface BucketTensors {
  readonly unique: Tensor;
  readonly start: Tensor;
  readonly order: Tensor;
}

export interface EmbeddingOptions {
  /** Token ids [S], u32. */
  readonly ids: Tensor;
  readonly parts: readonly TablePart[];
  /** Learned positions: ids [S] into a table [P, d], f32. */
  readonly positions?: { readonly ids: Tensor; readonly table: Tensor };
  /** Needed when a part is trained. */
  readonly buckets?: BucketTensors;
}

/**
 * x [S, d] = table[ids] (+ positions.table[positions.ids]). Parts may be f16 if frozen. Ids past the table read as
 * zero. Gradients are dense and deterministic: the host sorts the tokens into buckets, and each row adds its own.
 */
export function embedding(g: GraphBuilder, name: string, options: EmbeddingOptions): Tensor {
  const { ids, parts, positions, buckets } = options;
  const S = ids.shape[0];
  const d = parts[0].tensor.shape[1];
  if (parts.some(part => part.tensor.shape[1] !== d) || (positions && positions.table.shape[1] !== d))
    throw problem(
      'graph.embedding',
      `${name}: the token and position tables differ in width.`,
      'The model files do not match config.json.',
    );
  const x = g.value(name, [S, d]);
  g.add({
    name,
    kind: 'embedding',
    inputs: [
      ids,
      ...parts.map(part => part.tensor),
      ...(positions ? [positions.ids, positions.table] : []),
      ...(buckets ? [buckets.unique, buckets.start, buckets.order] : []),
    ],
    outputs: [x],
    saves: () => [],
    forward: emit => forward(emit, options, x),
    backward: emit => backward(emit, options, x),
  });
  return x;
}

function forward(emit: Emitter, { ids, parts, positions }: EmbeddingOptions, x: Tensor): void {
  const [S, d] = x.shape;
  parts.forEach((part, index) => {
    const params = [S, d, part.firstRow, part.rows, index === 0 ? 1 : 0];
    emit.dispatch(gatherKernel(part.tensor.dtype === 'f16'), [ids, part.tensor, x], params, grid1d(S * d, groupSize));
  });
  if (positions) emit.dispatch(addRowsKernel(), [positions.ids, positions.table, x], [S, d], grid1d(S * d, groupSize));
}

function backward(emit: BackwardEmitter, { parts, positions, buckets }: EmbeddingOptions, x: Tensor): void {
  const [S, d] = x.shape;
  const dx = emit.grad(x);
  for (const { tensor, firstRow, rows } of parts) {
    if (!emit.needs(tensor)) continue;
    if (!buckets)
      throw problem(
        'graph.embedding',
        `${tensor.name} is trained without token buckets.`,
        'Pass buckets to embedding().',
      );
    const bindings = [buckets.unique, buckets.start, buckets.order, dx, emit.into(tensor).tensor];
    emit.dispatch(scatterKernel(), bindings, [S, d, firstRow, rows], grid1d(S * d, groupSize));
  }
  if (positions && emit.needs(positions.table))
    positionGradient(emit, positions.ids, dx, emit.into(positions.table).tensor);
}

/** Sorts the tokens by position on the device (S² integer comparisons), then sums each table row in stream order. */
function positionGradient(emit: Emitter, ids: Tensor, dx: Tensor, target: Tensor): void {
  const [S, d] = dx.shape;
  const [rows] = target.shape;
  const order = emit.temp('position_order', [S], 'u32');
  const start = emit.temp('position_start', [rows + 1], 'u32');
  emit.dispatch(rankKernel(), [ids, order], [S], grid1d(S, groupSize));
  emit.dispatch(startKernel(), [ids, start], [S, rows], grid1d(rows + 1, groupSize));
  emit.dispatch(positionKernel(), [start, order, dx, target], [d, rows], grid1d(rows * d, groupSize));
}

function gatherKernel(half: boolean): Kernel {
  return kernelOf(`embedding_gather${half ? '_f16' : ''}`, () => ({
    storage: { ids: 'array<u32>', table: half ? 'array<u32>' : 'array<f32>', x: 'array<f32>' },
    params: { tokens: 'u32', d: 'u32', first: 'u32', rows: 'u32', clear: 'u32' },
    declarations: half
      ? 'fn value(at: u32) -> f32 { let w = unpack2x16float(table[at >> 1u]); return select(w.x, w.y, (at & 1u) == 1u); }'
      : 'fn value(at: u32) -> f32 { return table[at]; }',
    main: `  let token = i / p.d;
  if (token >= p.tokens) { return; }
  let row = ids[token] - p.first;
  if (ids[token] >= p.first && row < p.rows) { x[i] = value(row * p.d + i % p.d); } else if (p.clear != 0u) { x[i] = 0.0; }`,
  }));
}

function addRowsKernel(): Kernel {
  return kernelOf('embedding_positions', () => ({
    storage: { ids: 'array<u32>', table: 'array<f32>', x: 'array<f32>' },
    params: { tokens: 'u32', d: 'u32' },
    main: `  let token = i / p.d;
  if (token >= p.tokens) { return; }
  x[i] += table[ids[token] * p.d + i % p.d];`,
  }));
}

/** gradient[unique[u]] += Σ dx over the bucket, in stream order; buckets of other parts are left alone. */
function scatterKernel(): Kernel {
  return kernelOf('embedding_buckets', () => ({
    storage: {
      unique: 'array<u32>',
      start: 'array<u32>',
      order: 'array<u32>',
      dx: 'array<f32>',
      gradient: 'array<f32>',
    },
    params: { tokens: 'u32', d: 'u32', first: 'u32', rows: 'u32' },
    main: `  let bucket = i / p.d;
  if (bucket >= p.tokens) { return; }
  let column = i % p.d;
  let begin = start[bucket];
  let end = start[bucket + 1u];
  let row = unique[bucket] - p.first;
  if (begin >= end || unique[bucket] < p.first || row >= p.rows) { return; }
  var sum = 0.0;
  for (var k = begin; k < end; k++) { sum += dx[order[k] * p.d + column]; }
  gradient[row * p.d + column] += sum;`,
  }));
}

/** order[rank of i among (id, index) pairs] = i. */
function rankKernel(): Kernel {
  return kernelOf('embedding_rank', () => ({
    storage: { ids: 'array<u32>', order: 'array<u32>' },
    params: { tokens: 'u32' },
    main: `  if (i >= p.tokens) { return; }
  let own = ids[i];
  var rank = 0u;
  for (var j = 0u; j < p.tokens; j++) {
    let other = ids[j];
    rank += u32(other < own || (other == own && j < i));
  }
  order[rank] = i;`,
  }));
}

/** start[row] = number of tokens at earlier positions. */
function startKernel(): Kernel {
  return kernelOf('embedding_start', () => ({
    storage: { ids: 'array<u32>', start: 'array<u32>' },
    params: { tokens: 'u32', rows: 'u32' },
    main: `  if (i > p.rows) { return; }
  var before = 0u;
  for (var j = 0u; j < p.tokens; j++) { before += u32(ids[j] < i); }
  start[i] = before;`,
  }));
}

function positionKernel(): Kernel {
  return kernelOf('embedding_position_gradient', () => ({
    storage: { start: 'array<u32>', order: 'array<u32>', dx: 'array<f32>', gradient: 'array<f32>' },
    params: { d: 'u32', rows: 'u32' },
    main: `  let row = i / p.d;
  if (row >= p.rows || start[row] == start[row + 1u]) { return; }
  let column = i % p.d;
  var sum = 0.0;
  for (var k = start[row]; k < start[row + 1u]; k++) { sum += dx[order[k] * p.d + column]; }
  gradient[i] += sum;`,
  }));
}
