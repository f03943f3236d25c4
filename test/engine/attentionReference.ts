import type { AttentionShape } from '../../webview/engine/ops/attentionShape';

export interface Case extends AttentionShape {
  readonly lengths: readonly number[];
}

export type AttentionData = Readonly<Record<'q' | 'k' | 'v' | 'up', ArrayLike<number>>>;

/** `start` and `end` of the example of each token. */
export function segments(lengths: readonly number[]): Record<'start' | 'end', Uint32Array> {
  const start: number[] = [];
  const end: number[] = [];
  for (const length of lengths) {
    const first = start.length;
    for (let t = 0; t < length; t++) {
      start.push(first);
      end.push(first + length);
    }
  }
  return { start: Uint32Array.from(start), end: Uint32Array.from(end) };
}

interface Row {
  readonly row: number;
  readonly head: number;
  /** Offset of the query's, and of the first visible key's, values; keys lie `stride` apart. */
  readonly query: number;
  readonly key: number;
  readonly stride: number;
  /** Softmax weights of the visible keys. */
  readonly weights: readonly number[];
}

/** Visits every query row of every head with its softmax, all in f64. */
function eachRow(shape: Case, data: AttentionData, visit: (row: Row) => void): void {
  const { lengths, heads, kvHeads, headDim } = shape;
  const { start } = segments(lengths);
  const stride = kvHeads * headDim;
  for (let row = 0; row < start.length; row++)
    for (let head = 0; head < heads; head++) {
      const query = (row * heads + head) * headDim;
      const key = start[row] * stride + Math.floor((head * kvHeads) / heads) * headDim;
      const scores: number[] = [];
      for (let j = 0; j <= row - start[row]; j++)
        scores.push(dot(headDim, data.q, query, data.k, key + j * stride) / Math.sqrt(headDim));
      const top = Math.max(...scores);
      const sum = scores.reduce((a, s) => a + Math.exp(s - top), 0);
      visit({ row, head, query, key, stride, weights: scores.map(s => Math.exp(s - top) / sum) });
    }
}

function dot(size: number, a: ArrayLike<number>, at: number, b: ArrayLike<number>, bt: number): number {
  let sum = 0;
  for (let d = 0; d < size; d++) sum += a[at + d] * b[bt + d];
  return sum;
}

/** Causal attention within each example, straight from its definition. */
export function attentionReference(shape: Case, data: AttentionData): Float64Array {
  const o = new Float64Array(data.q.length);
  eachRow(shape, data, ({ query, key, stride, weights }) => {
    weights.forEach((weight, j) => {
      for (let d = 0; d < shape.headDim; d++) o[query + d] += weight * data.v[key + j * stride + d];
    });
  });
  return o;
}

/** Gradients of Σ up·o by the softmax Jacobian, with the full row of weights at hand. */
export function attentionGradients(shape: Case, data: AttentionData): Record<'q' | 'k' | 'v', Float64Array> {
  const size = shape.headDim;
  const q = new Float64Array(data.q.length);
  const k = new Float64Array(data.k.length);
  const v = new Float64Array(data.v.length);
  eachRow(shape, data, ({ query, key, stride, weights }) => {
    const slopes = weights.map((_, j) => dot(size, data.up, query, data.v, key + j * stride));
    const mean = weights.reduce((sum, weight, j) => sum + weight * slopes[j], 0);
    weights.forEach((weight, j) => {
      const place = key + j * stride;
      const slope = (weight * (slopes[j] - mean)) / Math.sqrt(size);
      for (let d = 0; d < size; d++) {
        q[query + d] += slope * data.k[place + d];
        k[place + d] += slope * data.q[query + d];
        v[place + d] += weight * data.up[query + d];
      }
    });
  });
  return { q, k, v };
}
