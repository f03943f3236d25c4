import { streamOf, uniform } from '../data/random';

/** A [rank, inputs] and B [outputs, rank] of one adapter, row-major. */
export interface Factors {
  readonly a: Float32Array;
  readonly b: Float32Array;
  readonly rank: number;
}

export interface GrowthOptions {
  readonly how: 'smart' | 'dummy';
  readonly seed: number;
  /** Names the random directions: module path and how often it has grown. */
  readonly name: string;
}

/**
 * Doubles the rank without changing B·A (WeightLoRA+, `FatAdamW` in brain-mmo-lab/WLoRA, src/optimizers.py). With
 * M = Aᵀ [inputs, rank] and N uniform on [0, 1): `smart` factors M = Q·R and takes [Q, (I − QQᵀ)N] and [B·Rᵀ, 0];
 * `dummy` takes [M, N] and [B, 0].
 */
export function growRank({ a, b, rank }: Factors, { how, seed, name }: GrowthOptions): Factors {
  const inputs = a.length / rank;
  const outputs = b.length / rank;
  const key = { seed, stream: streamOf(`${name} growth`) };
  const fresh = Array.from({ length: rank }, (_, row) =>
    Float64Array.from({ length: inputs }, (_, i) => Math.fround(uniform(key, i * rank + row))),
  );
  const rows = Array.from({ length: rank }, (_, row) =>
    Float64Array.from(a.subarray(row * inputs, (row + 1) * inputs)),
  );
  const { q, r } = how === 'smart' ? householder(rows) : { q: rows, r: identity(rank) };
  if (how === 'smart') for (const row of fresh) removeSpan(row, q);
  const grownA = new Float32Array(2 * rank * inputs);
  [...q, ...fresh].forEach((row, index) => grownA.set(row, index * inputs));
  const grownB = new Float32Array(outputs * 2 * rank);
  for (let o = 0; o < outputs; o++)
    for (let i = 0; i < rank; i++) {
      let sum = 0;
      for (let j = 0; j < rank; j++) sum += b[o * rank + j] * r[i][j];
      grownB[o * 2 * rank + i] = sum;
    }
  return { a: grownA, b: grownB, rank: 2 * rank };
}

/** row −= Σ_k (row·q_k) q_k for orthonormal q_k. */
function removeSpan(row: Float64Array, q: readonly Float64Array[]): void {
  const shares = q.map(direction => dot(row, direction));
  q.forEach((direction, k) => axpy(row, -shares[k], direction));
}

/**
 * Thin QR of the matrix whose columns are `columns`, by Householder reflections with LAPACK's signs (`geqrf`): the
 * diagonal of R has the sign opposite to the pivot's. Columns must be at least as long as there are of them.
 */
function householder(columns: readonly Float64Array[]): { q: Float64Array[]; r: number[][] } {
  const work = columns.map(column => column.slice());
  const size = columns.length;
  const reflectors: Float64Array[] = [];
  for (let k = 0; k < size; k++) {
    const v = work[k].slice();
    v.fill(0, 0, k);
    const norm = Math.sqrt(dot(v, v));
    v[k] += v[k] >= 0 ? norm : -norm;
    reflectors.push(v);
    for (let column = k; column < size; column++) reflect(work[column], v);
  }
  const r = Array.from({ length: size }, (_, i) => Array.from({ length: size }, (_, j) => (j < i ? 0 : work[j][i])));
  const q = columns.map((column, k) => {
    const unit = new Float64Array(column.length);
    unit[k] = 1;
    for (const v of [...reflectors].reverse()) reflect(unit, v);
    return unit;
  });
  return { q, r };
}

/** x ← (I − 2vvᵀ/vᵀv) x; a zero v reflects nothing. */
function reflect(x: Float64Array, v: Float64Array): void {
  const square = dot(v, v);
  if (square > 0) axpy(x, (-2 * dot(v, x)) / square, v);
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

function axpy(target: Float64Array, factor: number, from: Float64Array): void {
  for (let i = 0; i < target.length; i++) target[i] += factor * from[i];
}

function identity(size: number): number[][] {
  return Array.from({ length: size }, (_, i) => Array.from({ length: size }, (_, j) => (i === j ? 1 : 0)));
}
