import type { Emitter, GradientTarget } from '../graph/node';
import type { Tensor } from '../graph/tensor';
import { grid1d, type Kernel } from '../runtime/kernel';
import { groupSize, kernelOf, put, vectorFor, type Vector } from './kernelSource';

/** Partial sums after the first and second stage. Fixed, so that the order of additions never depends on the adapter. */
const firstParts = 1024;
const secondParts = 32;

function strided(name: string, term: string, vector: Vector): Kernel {
  return kernelOf(`${name}${vector.suffix}`, () => ({
    storage: { source: 'array<V>', parts: 'array<f32>' },
    params: { count: 'u32', parts_count: 'u32' },
    declarations: vector.declarations,
    main: `  if (i >= p.parts_count) { return; }
  var sum = V();
  for (var k = i; k < p.count; k += p.parts_count) {
    let v = source[k];
    sum += ${term};
  }
  parts[i] = total(sum);`,
  }));
}

function finish(): Kernel {
  return kernelOf('sum_finish', () => ({
    storage: { source: 'array<f32>', out: 'array<f32>' },
    params: { count: 'u32', at: 'u32', accumulate: 'u32' },
    main: `  if (i > 0u) { return; }
  var sum = 0.0;
  for (var k = 0u; k < p.count; k++) { sum += source[k]; }
  ${put('out[p.at]', 'sum')}`,
  }));
}

/** A scalar to write: element `index` of `tensor`, added to what is there if `accumulate`. */
interface Scalar {
  readonly tensor: Tensor;
  readonly index: number;
  readonly accumulate: boolean;
}

function emitStages(emit: Emitter, term: 'v' | 'v * v', source: { tensor: Tensor; count: number }, out: Scalar): void {
  const vector = vectorFor(source.count);
  const first = emit.temp('sum_first', [firstParts]);
  const second = emit.temp('sum_second', [secondParts]);
  const stage = strided(term === 'v' ? 'sum' : 'sum_squares', term, vector);
  const words = [source.count / vector.step, firstParts];
  emit.dispatch(stage, [source.tensor, first], words, grid1d(firstParts, groupSize));
  const again = strided('sum', 'v', vectorFor(1));
  emit.dispatch(again, [first, second], [firstParts, secondParts], grid1d(secondParts, groupSize));
  const last = [secondParts, out.index, out.accumulate ? 1 : 0];
  emit.dispatch(finish(), [second, out.tensor], last, [1, 1, 1]);
}

/** out[outIndex] (+)= Σ x² over the first `count` f32 of `source`, in a fixed order (three stages). */
export function emitSumSquares(
  emit: Emitter,
  source: Tensor,
  count: number,
  out: Tensor,
  outIndex: number,
  accumulate: boolean,
): void {
  emitStages(emit, 'v * v', { tensor: source, count }, { tensor: out, index: outIndex, accumulate });
}

/** As {@link emitSumSquares}, for Σ x. */
export function emitSum(
  emit: Emitter,
  source: Tensor,
  count: number,
  out: Tensor,
  outIndex: number,
  accumulate: boolean,
): void {
  emitStages(emit, 'v', { tensor: source, count }, { tensor: out, index: outIndex, accumulate });
}

/** A block of columns of a row-major f32 matrix: rows `[0, rows)`, columns `[offset, offset + columns)`. */
export interface Columns {
  readonly tensor: Tensor;
  readonly rows: number;
  readonly stride: number;
  readonly offset: number;
  readonly columns: number;
}

function columnKernel(vector: Vector): Kernel {
  return kernelOf(`column_sum${vector.suffix}`, () => ({
    storage: { source: 'array<V>', out: 'array<V>' },
    params: {
      chunks: 'u32',
      rows: 'u32',
      rows_per_chunk: 'u32',
      stride: 'u32',
      offset: 'u32',
      columns: 'u32',
      accumulate: 'u32',
    },
    declarations: vector.declarations,
    main: `  let column = i % p.columns;
  let chunk = i / p.columns;
  if (chunk >= p.chunks) { return; }
  let end = min(p.rows, (chunk + 1u) * p.rows_per_chunk);
  var sum = V();
  for (var row = chunk * p.rows_per_chunk; row < end; row++) { sum += source[row * p.stride + p.offset + column]; }
  ${put('out[i]', 'sum')}`,
  }));
}

/** Rows that one invocation adds up before partial sums are combined. */
export const rowsPerChunk = 64;

/** Number of partial rows a two-stage column sum over `rows` rows has. */
export function chunksOf(rows: number): number {
  return Math.ceil(rows / rowsPerChunk);
}

function emitColumns(emit: Emitter, block: Columns, chunks: number, target: GradientTarget): void {
  const vector = vectorFor(block.stride, block.offset, block.columns);
  const columns = block.columns / vector.step;
  const perChunk = chunks === 1 ? block.rows : rowsPerChunk;
  const words = [chunks, block.rows, perChunk, block.stride / vector.step, block.offset / vector.step, columns];
  const grid = grid1d(columns * chunks, groupSize);
  emit.dispatch(columnKernel(vector), [block.tensor, target.tensor], [...words, target.accumulate ? 1 : 0], grid);
}

/** target[c] (+)= Σ over rows of block[·, c], one invocation per column: for few rows, such as partial sums. */
export function emitColumnSum(emit: Emitter, block: Columns, target: GradientTarget): void {
  emitColumns(emit, block, 1, target);
}

/** As {@link emitColumnSum} in two stages, for the rows of a micro-batch (bias gradients). */
export function emitLongColumnSum(emit: Emitter, block: Columns, target: GradientTarget): void {
  const chunks = chunksOf(block.rows);
  const partial = emit.temp('column_partial', [chunks, block.columns]);
  emitColumns(emit, block, chunks, { tensor: partial, accumulate: false });
  emitColumnSum(emit, { ...block, tensor: partial, rows: chunks, stride: block.columns, offset: 0 }, target);
}
