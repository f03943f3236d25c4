import type { Kernel } from '../runtime/kernel';
import { matmulPlace, range, type Tile } from './matmulKernel';

/** The three forms, and `tt`, aᵀ·bᵀ: the `nn` form with its operands exchanged for a narrow output. */
export type QuadForm = 'nt' | 'nn' | 'tn' | 'tt';

export interface QuadVariant {
  readonly form: QuadForm;
  readonly tile: Tile;
  /** b is stored as packed half floats. */
  readonly half: boolean;
  /** A fourth binding, one value per output column, is added. Not with `strided`. */
  readonly bias: boolean;
  /** Single stores with a stride per row and per column, so that the output may be transposed. */
  readonly strided: boolean;
  readonly threads: number;
}

const params = `
struct Params {
  m: u32, n: u32, k: u32,
  lda: u32, ldb: u32, o_row: u32, o_column: u32,
  a_at: u32, b_at: u32, o_at: u32,
  alpha: f32,
  accumulate: u32,
  wide: u32,
  across: u32,
  chunk: u32,
  layer: u32,
}
@group(1) @binding(0) var<uniform> p: Params;
`;

/**
 * Register-tiled kernel for software adapters, where a load costs as much as some twenty multiply-adds: four
 * neighbouring lanes share the rows of their tiles, each loads a quarter of them and passes it on by quad swaps.
 * After swap `s` a lane holds what its neighbour `lane ^ s` loaded, so rows (or terms of k) come in an order of the
 * lane's own; sums stay reproducible. Products are written as dot products over four terms, because SwiftShader
 * stores every changed variable under a mask: once per four terms instead of once per term.
 *
 * Leading dimensions and offsets must be multiples of 4. `nt` and `tt` need k to be one too; in `nn` a's columns up to
 * the next multiple of 4 must hold zeros.
 */
export function quadKernel(variant: QuadVariant): Kernel {
  const { form, tile, half, bias } = variant;
  const value = half ? 'let w = b[i]; return vec4<f32>(unpack2x16float(w.x), unpack2x16float(w.y));' : 'return b[i];';
  const rows = form === 'nt' || form === 'nn' ? rowsByRow(tile) : rowsByTerm(tile);
  const columns =
    form === 'nt' || form === 'tt' ? columnsByRow(tile, form === 'tt') : columnsByTerm(tile, form === 'tn');
  const code = `enable subgroups;
diagnostic(off, subgroup_uniformity);
${params}
@group(0) @binding(0) var<storage, read_write> a: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> b: array<${half ? 'vec2<u32>' : 'vec4<f32>'}>;
@group(0) @binding(2) var<storage, read_write> out: array<${variant.strided ? 'f32' : 'vec4<f32>'}>;
${bias ? `@group(0) @binding(3) var<storage, read_write> bias: array<vec4<f32>>;` : ''}
fn load_b(i: u32) -> vec4<f32> { ${value} }
${matmulPlace(variant.threads, 'p.wide', 'p.across')}
  let lane = li & 3u;
  let row = (block_y * wy + ty) * ${tile.rows}u;
  let column = (block_x * wx + tx) * ${tile.columns}u;
  let pitch_a = p.lda / 4u;
  let pitch_b = p.ldb / 4u;
  let columns = (p.n + 3u) / 4u;
${range(tile.rows)
  .flatMap(i => range(tile.columns).map(j => `  var s${i}_${j} = 0.0;`))
  .join('\n')}
${rows.before}
${columns.before}
  for (var k = k_first; k < k_end; k += 4u) {
${rows.inside}
${columns.inside}
${range(tile.rows)
  .flatMap(i => range(tile.columns).map(j => `    s${i}_${j} += dot(x${i}, y${j});`))
  .join('\n')}
  }
  let turn = ${form === 'nt' || form === 'nn' ? 'lane' : '0u'};
${variant.strided ? singleStores(variant) : vectorStores(variant)}
}`;
  return { key: quadKey(variant), code, bindings: bias ? 4 : 3, step: false };
}

/** Names a variant. */
export function quadKey({ form, tile, half, bias, strided, threads }: QuadVariant): string {
  const flags = `${half ? '_f16' : ''}${bias ? '_bias' : ''}${strided ? '_strided' : ''}`;
  return `matmul_quad_${form}_${tile.rows}x${tile.columns}_${threads}${flags}`;
}

/** WGSL of one operand: addresses before the loop, loads inside it. */
interface Operand {
  readonly before: string;
  readonly inside: string;
}

const swaps = ['', 'quadSwapX', 'quadSwapY', 'quadSwapDiagonal'];
const lanes = ['x', 'y', 'z', 'w'];

/** a [m, k]: each lane loads four terms of every fourth row; x{i} holds four terms of row i ^ lane. */
function rowsByRow({ rows }: Tile): Operand {
  const quads = range(rows / 4);
  const before = quads.map(q => `  let a${q} = (p.a_at + min(row + ${q * 4}u + lane, p.m - 1u) * p.lda) / 4u;`);
  const inside = quads.flatMap(q => [
    `    let x${q * 4} = a[a${q} + k / 4u];`,
    ...[1, 2, 3].map(s => `    let x${q * 4 + s} = ${swaps[s]}(x${q * 4});`),
  ]);
  return { before: before.join('\n'), inside: inside.join('\n') };
}

/** a [k, m]: each lane loads all rows for every fourth term; terms past the end count as zero. */
function rowsByTerm({ rows }: Tile): Operand {
  const quads = range(rows / 4);
  const before = quads.map(q => `  let a${q} = p.a_at / 4u + min(row / 4u + ${q}u, (p.m + 3u) / 4u - 1u);`);
  const inside = ['    let term = min(k + lane, k_end - 1u) * pitch_a;'];
  for (const q of quads) {
    inside.push(`    let v0_${q} = select(vec4<f32>(), a[a${q} + term], k + lane < k_end);`);
    for (const s of [1, 2, 3]) inside.push(`    let v${s}_${q} = ${swaps[s]}(v0_${q});`);
    for (const i of range(4)) {
      const terms = range(4).map(s => `v${s}_${q}.${lanes[i]}`);
      inside.push(`    let x${q * 4 + i} = vec4<f32>(${terms.join(', ')});`);
    }
  }
  return { before: before.join('\n'), inside: inside.join('\n') };
}

/** b [n, k]: four terms of each column; with `turned` in the order in which the lane receives a's terms. */
function columnsByRow({ columns }: Tile, turned: boolean): Operand {
  const before: string[] = [];
  const inside: string[] = [];
  for (const j of range(columns)) {
    before.push(`  let b${j} = (p.b_at + min(column + ${j}u, p.n - 1u) * p.ldb) / 4u;`);
    if (!turned) {
      inside.push(`    let y${j} = load_b(b${j} + k / 4u);`);
      continue;
    }
    inside.push(`    let w${j} = load_b(b${j} + k / 4u);`);
    inside.push(`    let h${j} = select(w${j}, w${j}.yxwz, (lane & 1u) == 1u);`);
    inside.push(`    let y${j} = select(h${j}, h${j}.zwxy, (lane & 2u) == 2u);`);
  }
  return { before: before.join('\n'), inside: inside.join('\n') };
}

/** b [k, n]: four columns of each term, turned into four terms of each column. */
function columnsByTerm({ columns }: Tile, turned: boolean): Operand {
  const vectors = range(columns / 4);
  const before = vectors.map(v => `  let b${v} = p.b_at / 4u + min(column / 4u + ${v}u, columns - 1u);`);
  const inside: string[] = [];
  for (const t of range(4)) {
    inside.push(`    let t${t} = min(k + ${turned ? `(lane ^ ${t}u)` : `${t}u`}, p.k - 1u) * pitch_b;`);
    for (const v of vectors) inside.push(`    let w${t}_${v} = load_b(t${t} + b${v});`);
  }
  for (const j of range(columns)) {
    const terms = range(4).map(t => `w${t}_${j >> 2}.${lanes[j & 3]}`);
    inside.push(`    let y${j} = vec4<f32>(${terms.join(', ')});`);
  }
  return { before: before.join('\n'), inside: inside.join('\n') };
}

/**
 * The sums go through an indexed array, so that storing is a loop: unrolled, the stores with their bounds checks would
 * be most of the code, and compiling it most of a first step.
 */
function vectorStores({ tile, bias }: QuadVariant): string {
  const vectors = tile.columns / 4;
  const sums = range(tile.rows).flatMap(i =>
    range(vectors).map(v => {
      const parts = range(4).map(j => `s${i}_${v * 4 + j}`);
      return `  sums[${i * vectors + v}] = vec4<f32>(${parts.join(', ')});`;
    }),
  );
  return `  var sums: array<vec4<f32>, ${tile.rows * vectors}>;
${sums.join('\n')}
  let at = (p.o_at + wg.z * p.layer + column) / 4u;
  for (var i = 0u; i < ${tile.rows * vectors}u; i++) {
    let r = row + ((i / ${vectors}u) ^ turn);
    let v = i % ${vectors}u;
    if (r >= p.m || column / 4u + v >= columns) { continue; }
    let o = at + r * (p.o_row / 4u) + v;
    var sum = p.alpha * sums[i]${bias ? ' + bias[column / 4u + v]' : ''};
    if (p.accumulate != 0u) { sum += out[o]; }
    out[o] = sum;
  }`;
}

function singleStores({ tile }: QuadVariant): string {
  const { rows, columns } = tile;
  const sums = range(rows).flatMap(i => range(columns).map(j => `  sums[${i * columns + j}] = s${i}_${j};`));
  return `  var sums: array<f32, ${rows * columns}>;
${sums.join('\n')}
  let at = p.o_at + wg.z * p.layer + column * p.o_column;
  for (var i = 0u; i < ${rows * columns}u; i++) {
    let r = row + ((i / ${columns}u) ^ turn);
    let c = i % ${columns}u;
    if (r >= p.m || column + c >= p.n) { continue; }
    let o = at + r * p.o_row + c * p.o_column;
    var sum = p.alpha * sums[i];
    if (p.accumulate != 0u) { sum += out[o]; }
    out[o] = sum;
  }`;
}
