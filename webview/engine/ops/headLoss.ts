import { problem } from '../../../src/common/errors';
import type { GraphBuilder } from '../graph/builder';
import type { BackwardEmitter, Emitter, GradientTarget } from '../graph/node';
import type { Tensor } from '../graph/tensor';
import { grid1d } from '../runtime/kernel';
import type { TablePart } from './embedding';
import { compactKernel, gradientKernel, pickRowsKernel, rowKernel, segmentKernel } from './headLossKernels';
import { groupSize } from './kernelSource';
import { emitMatmul } from './matmul';
import { up4 } from './matmulLaunch';
import { emitSum } from './reduce';

export interface HeadLossOptions {
  /** Final hidden state [S, d]. */
  readonly x: Tensor;
  /** Output matrix [V, d] by rows; may be the (tied) token embedding; f16 if frozen. */
  readonly parts: readonly TablePart[];
  /** Next-token ids [S], u32, `ignoredLabel` where a position has no loss. */
  readonly labels: Tensor;
  /** State tensor: Σ of the losses is added to element 0. */
  readonly scalars: Tensor;
  /** Most bytes of logits alive at once; 16 MiB by default, but at least 8 rows. */
  readonly workspaceBytes?: number;
}

/**
 * Cross-entropy of x·Eᵀ, chunk by chunk, so that [S, V] logits never exist. In training, each chunk of logits turns
 * into its gradient in place (softmax − one-hot, times `step.loss_scale`) and at once into dX and, if E is trained, dE.
 * Returns the losses [S], 0 where the label is ignored.
 */
export function headLoss(g: GraphBuilder, name: string, options: HeadLossOptions): Tensor {
  const { x, parts, labels, scalars } = options;
  const op = { ...options, ...headSizes(name, x, parts), losses: g.value(`${name}.losses`, labels.shape) };
  g.add({
    name,
    kind: 'headLoss',
    inputs: [x, ...parts.map(part => part.tensor), labels],
    outputs: [op.losses],
    saves: () => [x],
    fusedLoss: true,
    forward: emit => {
      eachChunk(emit, op, () => undefined);
      emitSum(emit, op.losses, x.shape[0], scalars, 0, true);
    },
    backward: emit => backward(emit, op),
  });
  return op.losses;
}

interface HeadSizes {
  readonly d: number;
  readonly vocabulary: number;
  /** Elements per row of logits. */
  readonly pitch: number;
}

interface HeadOp extends HeadLossOptions, HeadSizes {
  readonly losses: Tensor;
}

/** Rows `[first, first + rows)` of x with their logits, later their gradients. */
interface Chunk {
  readonly first: number;
  readonly rows: number;
  readonly logits: Tensor;
}

function headSizes(name: string, x: Tensor, parts: readonly TablePart[]): HeadSizes {
  const d = x.shape[1];
  const vocabulary = parts.reduce((sum, part) => sum + part.rows, 0);
  if (parts.some(part => part.tensor.shape[1] !== d || part.firstRow % 4 !== 0))
    throw problem(
      'graph.head',
      `${name}: the output matrix does not fit a hidden state of width ${d}.`,
      'The model files do not match config.json.',
    );
  return { d, vocabulary, pitch: up4(vocabulary) };
}

const defaultWorkspace = 16 * 2 ** 20;

/** Rows of logits alive at once: whole tiles of 8, as many as the workspace takes, at most S. */
export function chunkRows(S: number, pitch: number, workspaceBytes = defaultWorkspace): number {
  const fitting = Math.floor(workspaceBytes / (pitch * 4 * 8)) * 8;
  return Math.min(S, Math.max(8, fitting));
}

/** Logits that one invocation sums up. */
const segmentLength = 512;

function eachChunk(emit: Emitter, op: HeadOp, use: (chunk: Chunk, logSum: Tensor) => void): void {
  const { x, labels, losses, vocabulary, pitch } = op;
  const S = x.shape[0];
  const most = chunkRows(S, pitch, op.workspaceBytes);
  const segments = Math.ceil(vocabulary / segmentLength);
  const logits = emit.temp('logits', [most, pitch]);
  const partial = emit.temp('partial', [most, segments, 2]);
  const logSum = emit.temp('log_sum', [most]);
  for (let first = 0; first < S; first += most) {
    const rows = Math.min(most, S - first);
    emitLogits(emit, op, { a: x, aOffset: first * op.d, m: rows, out: logits });
    const words = [rows, vocabulary, pitch, segments, segmentLength];
    emit.dispatch(segmentKernel(), [logits, partial], words, grid1d(rows * segments, groupSize));
    const rowWords = [rows, pitch, segments, first];
    emit.dispatch(rowKernel(), [partial, logits, labels, logSum, losses], rowWords, grid1d(rows, groupSize));
    use({ first, rows, logits }, logSum);
  }
}

interface LogitsOf {
  readonly a: Tensor;
  readonly aOffset: number;
  readonly m: number;
  readonly out: Tensor;
}

/** out [m, pitch] = a·Eᵀ, part by part. */
function emitLogits(emit: Emitter, { parts, d, pitch }: Pick<HeadOp, 'parts' | keyof HeadSizes>, of: LogitsOf): void {
  for (const { tensor, firstRow, rows } of parts)
    emitMatmul(emit, { form: 'nt', ...of, b: tensor, n: rows, k: d, ldo: pitch, outOffset: firstRow });
}

/** Layers of the sum over a large vocabulary in dX, which alone would leave a GPU idle. */
const gradientLayers = 8;

function backward(emit: BackwardEmitter, op: HeadOp): void {
  const { x, parts, labels, scalars, vocabulary, pitch, d } = op;
  const S = x.shape[0];
  const layers = vocabulary >= 4096 ? gradientLayers : 1;
  const scratch = emit.temp('split', [layers, chunkRows(S, pitch, op.workspaceBytes), up4(d)]);
  const dx = emit.needs(x) ? emit.into(x) : undefined;
  const tables = parts.map(part => (emit.needs(part.tensor) ? emit.into(part.tensor) : undefined));
  eachChunk(emit, op, (chunk, logSum) => {
    const words = [chunk.rows, vocabulary, pitch, chunk.first];
    const vectors = (chunk.rows * pitch) / 4;
    emit.dispatch(gradientKernel(), [chunk.logits, labels, logSum], words, grid1d(vectors, groupSize));
    if (dx) inputGradient(emit, op, { chunk, target: dx, split: { layers, scratch } });
    tables.forEach((target, index) => target && tableGradient(emit, op, { chunk, target, part: parts[index] }));
  });
  emitSum(emit, op.losses, S, scalars, 0, true);
}

interface InputGradient {
  readonly chunk: Chunk;
  readonly target: GradientTarget;
  readonly split: { readonly layers: number; readonly scratch: Tensor };
}

/** dX of the chunk's rows (+)= dlogits·E. */
function inputGradient(emit: Emitter, { parts, d, pitch }: HeadOp, { chunk, target, split }: InputGradient): void {
  parts.forEach(({ tensor, firstRow, rows }, index) => {
    const accumulate = target.accumulate || index > 0;
    const where = { lda: pitch, aOffset: firstRow, outOffset: chunk.first * d };
    const sizes = { m: chunk.rows, n: d, k: rows };
    const operands = { a: chunk.logits, b: tensor, out: target.tensor };
    emitMatmul(emit, { form: 'nn', ...operands, ...sizes, ...where, accumulate, zeroPadded: true, split });
  });
}

interface TableGradient {
  readonly chunk: Chunk;
  readonly target: GradientTarget;
  readonly part: TablePart;
}

/** dE of the part += dlogitsᵀ·x over the chunk's rows. */
function tableGradient(emit: Emitter, { x, d, pitch }: HeadOp, { chunk, target, part }: TableGradient): void {
  const accumulate = target.accumulate || chunk.first > 0;
  const where = { lda: pitch, aOffset: part.firstRow, bOffset: chunk.first * d };
  const sizes = { m: part.rows, n: d, k: chunk.rows };
  emitMatmul(emit, { form: 'tn', a: chunk.logits, b: x, out: target.tensor, ...sizes, ...where, accumulate });
}

/** Logits [R, V] of the rows named by the input `rows` [R] (u32), for generation. */
export function lastLogits(
  g: GraphBuilder,
  name: string,
  { x, parts, rows }: { readonly x: Tensor; readonly parts: readonly TablePart[]; readonly rows: Tensor },
): Tensor {
  const sizes = headSizes(name, x, parts);
  const R = rows.shape[0];
  const logits = g.value(`${name}.logits`, [R, sizes.vocabulary]);
  g.add({
    name,
    kind: 'lastLogits',
    inputs: [x, ...parts.map(part => part.tensor), rows],
    outputs: [logits],
    saves: () => [],
    forward: emit => {
      const picked = emit.temp('picked', [R, sizes.d]);
      const padded = emit.temp('padded', [R, sizes.pitch]);
      emit.dispatch(pickRowsKernel(), [rows, x, picked], [R, sizes.d], grid1d(R * sizes.d, groupSize));
      emitLogits(emit, { parts, ...sizes }, { a: picked, aOffset: 0, m: R, out: padded });
      const words = [R, sizes.vocabulary, sizes.pitch];
      emit.dispatch(compactKernel(), [padded, logits], words, grid1d(R * sizes.vocabulary, groupSize));
    },
  });
  return logits;
}
