import { problem } from '../../../src/common/errors';
import type { Emitter, GradientTarget } from '../graph/node';
import type { Tensor } from '../graph/tensor';
import type { TablePart } from './embedding';
import { emitMatmul } from './matmul';
import { up4 } from './matmulLaunch';

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
  /** Each part is used for all rows before the next one, for parts that come to the device in turns. */
  readonly partwise?: boolean;
}

export interface HeadSizes {
  readonly d: number;
  readonly vocabulary: number;
  /** Elements per row of logits. */
  readonly pitch: number;
}

export interface HeadOp extends HeadLossOptions, HeadSizes {
  readonly losses: Tensor;
}

export function headSizes(name: string, x: Tensor, parts: readonly TablePart[]): HeadSizes {
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
export const segmentLength = 512;

/** dlogits [rows, part.rows] of some rows against one part of the table. */
export interface PartGradient {
  readonly part: TablePart;
  readonly logits: Tensor;
  /** Row length of `logits`, and where the part begins in it. */
  readonly pitch: number;
  readonly column: number;
  /** First row of x, and how many. */
  readonly first: number;
  readonly rows: number;
}

/** Where dE of each part goes that trains. */
export type TableTargets = ReadonlyMap<TablePart, GradientTarget>;

/** dE of the part (+)= dlogitsᵀ·x over some rows of x, the first ones at 0. */
export function emitTableGradient(emit: Emitter, { x, d }: HeadOp, target: GradientTarget, from: PartGradient): void {
  const { part, logits, pitch, column, first, rows } = from;
  const accumulate = target.accumulate || first > 0;
  const where = { lda: pitch, aOffset: column, bOffset: first * d };
  const sizes = { m: part.rows, n: d, k: rows };
  emitMatmul(emit, { form: 'tn', a: logits, b: x, out: target.tensor, ...sizes, ...where, accumulate });
}

export interface InputTarget {
  readonly target: GradientTarget;
  /** For the layers of a sum over many rows of the table. */
  readonly split: { readonly layers: number; readonly scratch: Tensor };
}

/** dX of the rows (+)= dlogits·E, for one part; the first part overwrites unless the target accumulates. */
export function emitInputGradient(emit: Emitter, d: number, { target, split }: InputTarget, from: PartGradient): void {
  const { part, logits, pitch, column, first, rows } = from;
  const accumulate = target.accumulate || part.firstRow > 0;
  const where = { lda: pitch, aOffset: column, outOffset: first * d };
  const operands = { a: logits, b: part.tensor, out: target.tensor, m: rows, n: d, k: part.rows };
  emitMatmul(emit, { form: 'nn', ...operands, ...where, accumulate, zeroPadded: true, split });
}

/** Layers of the sum over a large vocabulary in dX, which alone would leave a GPU idle. */
const gradientLayers = 8;

/** Where dX goes, with scratch for `rows` rows at once. */
export function inputTarget(
  emit: Emitter,
  { d, vocabulary }: HeadSizes,
  rows: number,
  target: GradientTarget,
): InputTarget {
  const layers = vocabulary >= 4096 ? gradientLayers : 1;
  return { target, split: { layers, scratch: emit.temp('split', [layers, rows, up4(d)]) } };
}
