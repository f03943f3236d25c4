import type { Emitter } from '../graph/node';
import type { Tensor } from '../graph/tensor';
import { grid1d } from '../runtime/kernel';
import type { TablePart } from './embedding';
import { gradientKernel, pickLabelKernel, rowKernel, segmentKernel } from './headLossKernels';
import {
  chunkRows,
  emitInputGradient,
  emitTableGradient,
  segmentLength,
  type HeadOp,
  type InputTarget,
  type TableTargets,
} from './headLossShape';
import { groupSize } from './kernelSource';
import { emitMatmul } from './matmul';
import { up4 } from './matmulLaunch';

/** Rows `[first, first + rows)` of x with their logits against one part. */
interface Visit {
  readonly part: TablePart;
  readonly first: number;
  readonly rows: number;
  readonly logits: Tensor;
  /** Row length of `logits`. */
  readonly pitch: number;
}

/** Gradients to compute, each only if wanted. */
export interface PartwiseTargets {
  readonly dx?: InputTarget;
  readonly tables: TableTargets;
}

/**
 * The losses, and with `targets` their gradients, with two walks over the parts of the table: the first for log Σ exp of every
 * row, the second for the gradients, for which the logits are computed again. Row by row it adds in the order of the
 * walk over chunks, so the bits are the same. Parts must begin at whole segments.
 */
export function emitPartwise(emit: Emitter, op: HeadOp, targets?: PartwiseTargets): void {
  const { x, labels, losses, vocabulary, d } = op;
  const S = x.shape[0];
  const segments = Math.ceil(vocabulary / segmentLength);
  const partial = emit.temp('partial', [S, segments, 2]);
  const picked = emit.temp('label_logits', [S]);
  const logSum = emit.temp('log_sum', [S]);
  const logits = emit.temp('logits', [chunkRows(S, op.pitch, op.workspaceBytes), widest(op)]);
  eachVisit(emit, op, logits, ({ part, first, rows, pitch }) => {
    const own = Math.ceil(part.rows / segmentLength);
    const at = first * segments + part.firstRow / segmentLength;
    const words = [rows, part.rows, pitch, own, segmentLength, segments, at];
    emit.dispatch(segmentKernel(), [logits, partial], words, grid1d(rows * own, groupSize));
    const where = [rows, part.rows, pitch, first, part.firstRow];
    emit.dispatch(pickLabelKernel(), [logits, labels, picked], where, grid1d(rows, groupSize));
  });
  emit.dispatch(rowKernel(), [partial, picked, labels, logSum, losses], [S, 1, segments, 0, 1], grid1d(S, groupSize));
  if (!targets) return;
  const { dx, tables } = targets;
  if (!dx && tables.size === 0) return;
  eachVisit(emit, op, logits, visit => {
    const { part, first, rows, pitch } = visit;
    const words = [rows, part.rows, pitch, first, part.firstRow, first];
    emit.dispatch(gradientKernel(), [logits, labels, logSum], words, grid1d((rows * pitch) / 4, groupSize));
    if (dx) emitInputGradient(emit, d, dx, { ...visit, column: 0 });
    const table = tables.get(part);
    if (table) emitTableGradient(emit, op, table, { ...visit, column: 0 });
  });
}

function widest({ parts }: HeadOp): number {
  return Math.max(...parts.map(({ rows }) => up4(rows)));
}

/** Computes the logits of every chunk of rows against every part, part by part. */
function eachVisit(
  emit: Emitter,
  { x, parts, d, pitch: whole, ...op }: HeadOp,
  logits: Tensor,
  use: (visit: Visit) => void,
) {
  const S = x.shape[0];
  const most = chunkRows(S, whole, op.workspaceBytes);
  for (const part of parts)
    for (let first = 0; first < S; first += most) {
      const rows = Math.min(most, S - first);
      const pitch = up4(part.rows);
      const product = {
        a: x,
        aOffset: first * d,
        b: part.tensor,
        out: logits,
        m: rows,
        n: part.rows,
        k: d,
        ldo: pitch,
      };
      emitMatmul(emit, { form: 'nt', ...product });
      use({ part, first, rows, logits, pitch });
    }
}
