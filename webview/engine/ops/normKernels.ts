import type { Emitter } from '../graph/node';
import type { Tensor } from '../graph/tensor';
import { f32, grid1d, type Grid, type Kernel, type Param, type Profile } from '../runtime/kernel';
import { groupSize, kernelOf, rowShape, vectorFor, type Vector } from './kernelSource';
import { frozenVector, type ColumnLoad } from './normWeight';
import { chunksOf, rowsPerChunk } from './reduce';

/** What chooses a row kernel's variant. */
export interface NormRow {
  readonly profile: Profile;
  readonly weight: Tensor;
  readonly vector: Vector;
}

/** Storage by name and the statements of a norm's kernel. */
interface Body {
  readonly storage: Readonly<Record<string, string>>;
  readonly main: string;
}

/**
 * Kernel of a norm that owns a row of x: its body sees `base`, the row's first V, besides what {@link rowShape} opens.
 * The fourth parameter is `epsilon` forward and `accumulate` for the input gradient.
 */
export function normRowKernel(
  name: string,
  pass: 'forward' | 'gradient',
  { profile, weight, vector }: NormRow,
  body: (load: ColumnLoad) => Body,
): Kernel {
  const rows = rowShape(profile);
  const load = frozenVector(weight, vector);
  const key = `${name}${pass === 'gradient' ? '_dx' : ''}${load.suffix}${vector.suffix}${rows.suffix}`;
  return kernelOf(key, () => {
    const { storage, main } = body(load);
    return {
      storage,
      params: {
        rows: 'u32',
        columns: 'u32',
        width: 'f32',
        ...(pass === 'forward' ? { epsilon: 'f32' } : { accumulate: 'u32' }),
      },
      declarations: vector.declarations + rows.declarations,
      main: `${rows.enter}\n  let base = row * p.columns;\n${main}`,
    };
  });
}

/** Statements of {@link normColumnKernel}: sums to open, what each row adds at `at`, and where they go. */
interface Sums {
  readonly open: string;
  readonly add: string;
  readonly store: string;
}

/** Kernel that owns `column` of a `chunk` of rows, for parameter gradients: partial sums of x, dy and `stats`. */
export function normColumnKernel(
  name: string,
  vector: Vector,
  stats: Readonly<Record<string, string>>,
  { open, add, store }: Sums,
): Kernel {
  return kernelOf(`${name}_dw${vector.suffix}`, () => ({
    storage: { x: 'array<V>', ...stats, dy: 'array<V>', partial: 'array<V>' },
    params: { rows: 'u32', columns: 'u32', chunks: 'u32' },
    declarations: vector.declarations,
    main: `  let column = i % p.columns;
  let chunk = i / p.columns;
  if (chunk >= p.chunks) { return; }
  let end = min(p.rows, (chunk + 1u) * ${rowsPerChunk}u);
${open}
  for (var row = chunk * ${rowsPerChunk}u; row < end; row++) {
    let at = row * p.columns + column;
${add}
  }
${store}`,
  }));
}

/** How a row kernel is launched over x [rows, width]; `params` lacks the last one. */
export interface NormLaunch extends NormRow {
  readonly params: readonly Param[];
  readonly grid: Grid;
}

export function launchRows({ profile }: Emitter, weight: Tensor, [rows, width]: readonly [number, number]): NormLaunch {
  const vector = vectorFor(width);
  const grid = grid1d(rowShape(profile).invocations(rows), groupSize);
  return { profile, weight, vector, params: [rows, width / vector.step, f32(width)], grid };
}

/** How a column kernel is launched over x [rows, width]. */
export function launchColumns(rows: number, width: number) {
  const vector = vectorFor(width);
  const [chunks, columns] = [chunksOf(rows), width / vector.step];
  return { vector, chunks, params: [rows, columns, chunks], grid: grid1d(chunks * columns, groupSize) };
}
