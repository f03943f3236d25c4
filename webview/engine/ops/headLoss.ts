import type { GraphBuilder } from '../graph/builder';
import type { BackwardEmitter, Emitter } from '../graph/node';
import type { Tensor } from '../graph/tensor';
import { grid1d } from '../runtime/kernel';
import type { TablePart } from './embedding';
import { compactKernel, gradientKernel, pickRowsKernel, rowKernel, segmentKernel } from './headLossKernels';
import { groupSize } from './kernelSource';
import { emitPartwise } from './headLossParts';
import {
  chunkRows,
  emitInputGradient,
  emitTableGradient,
  headSizes,
  inputTarget,
  segmentLength,
  type HeadLossOptions,
  type HeadOp,
  type HeadSizes,
  type TableTargets,
} from './headLossShape';
import { emitMatmul } from './matmul';
import { emitSum } from './reduce';

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
      if (options.partwise) emitPartwise(emit, op);
      else eachChunk(emit, op, () => undefined);
      emitSum(emit, op.losses, x.shape[0], scalars, 0, true);
    },
    backward: emit => backward(emit, op),
  });
  return op.losses;
}

/** Rows `[first, first + rows)` of x with their logits, later their gradients. */
interface Chunk {
  readonly first: number;
  readonly rows: number;
  readonly logits: Tensor;
}

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
    const words = [rows, vocabulary, pitch, segments, segmentLength, segments, 0];
    emit.dispatch(segmentKernel(), [logits, partial], words, grid1d(rows * segments, groupSize));
    const rowWords = [rows, pitch, segments, first, 0];
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

function backward(emit: BackwardEmitter, op: HeadOp): void {
  const { x, parts, labels, scalars, vocabulary, pitch, d } = op;
  const S = x.shape[0];
  const most = chunkRows(S, pitch, op.workspaceBytes);
  const dx = emit.needs(x) ? inputTarget(emit, op, most, emit.into(x)) : undefined;
  const trained = parts.filter(part => emit.needs(part.tensor));
  const tables: TableTargets = new Map(trained.map(part => [part, emit.into(part.tensor)]));
  if (op.partwise) emitPartwise(emit, op, { dx, tables });
  else {
    eachChunk(emit, op, (chunk, logSum) => {
      const words = [chunk.rows, vocabulary, pitch, chunk.first, 0, 0];
      const vectors = (chunk.rows * pitch) / 4;
      emit.dispatch(gradientKernel(), [chunk.logits, labels, logSum], words, grid1d(vectors, groupSize));
      for (const part of parts)
        if (dx) emitInputGradient(emit, d, dx, { ...chunk, part, pitch, column: part.firstRow });
      for (const [part, target] of tables)
        emitTableGradient(emit, op, target, { ...chunk, part, pitch, column: part.firstRow });
    });
  }
  emitSum(emit, op.losses, S, scalars, 0, true);
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
