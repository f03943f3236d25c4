import type { Kernel } from '../runtime/kernel';
import { matmulPlace, range, type Tile } from './matmulKernel';

export interface StridedVariant {
  readonly tile: Tile;
  /** b is stored as packed half floats. */
  readonly half: boolean;
  /** A fourth binding, one value per output column, is added. */
  readonly bias: boolean;
  readonly threads: number;
}

const params = `
struct Params {
  m: u32, n: u32, k: u32,
  a_row: u32, a_k: u32, b_k: u32, b_column: u32, ldo: u32,
  a_at: u32, b_at: u32, o_at: u32,
  alpha: f32,
  accumulate: u32,
  wide_across: u32,
  chunk: u32,
  layer: u32,
}
@group(1) @binding(0) var<uniform> p: Params;
`;

/**
 * Register-tiled kernel with single loads: any form, size, offset and leading dimension, through element strides.
 * `wide_across` packs the log2 of threads along the columns (low 4 bits) and the blocks across.
 */
export function stridedKernel(variant: StridedVariant): Kernel {
  const { tile, half, bias, threads } = variant;
  const value = half ? 'let w = unpack2x16float(b[i >> 1u]); return select(w.x, w.y, (i & 1u) == 1u);' : 'return b[i];';
  const code = `${params}
@group(0) @binding(0) var<storage, read_write> a: array<f32>;
@group(0) @binding(1) var<storage, read_write> b: array<${half ? 'u32' : 'f32'}>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;
${bias ? '@group(0) @binding(3) var<storage, read_write> bias: array<f32>;' : ''}
fn load_b(i: u32) -> f32 { ${value} }
${matmulPlace(threads, '(p.wide_across & 15u)', '(p.wide_across >> 4u)')}
${body(tile)}
${stores(tile, bias)}
}`;
  return { key: stridedKey(variant), code, bindings: bias ? 4 : 3, step: false };
}

/** Names a variant. */
export function stridedKey({ tile, half, bias, threads }: StridedVariant): string {
  return `matmul_strided_${tile.rows}x${tile.columns}_${threads}${half ? '_f16' : ''}${bias ? '_bias' : ''}`;
}

function body(tile: Tile): string {
  const rows = range(tile.rows);
  const columns = range(tile.columns);
  const lines = [
    `let row = (block_y * wy + ty) * ${tile.rows}u;`,
    `let column = (block_x * wx + tx) * ${tile.columns}u;`,
    'if (row >= p.m || column >= p.n) { return; }',
  ];
  for (const i of rows) lines.push(`var a${i} = p.a_at + min(row + ${i}u, p.m - 1u) * p.a_row + k_first * p.a_k;`);
  for (const j of columns)
    lines.push(`var b${j} = p.b_at + min(column + ${j}u, p.n - 1u) * p.b_column + k_first * p.b_k;`);
  for (const i of rows) for (const j of columns) lines.push(`var s${i}_${j} = 0.0;`);
  lines.push('for (var k = k_first; k < k_end; k++) {');
  for (const j of columns) lines.push(`  let w${j} = load_b(b${j});`, `  b${j} += p.b_k;`);
  for (const i of rows) {
    lines.push(`  let v${i} = a[a${i}];`, `  a${i} += p.a_k;`);
    for (const j of columns) lines.push(`  s${i}_${j} += v${i} * w${j};`);
  }
  lines.push('}');
  return lines.map(line => `  ${line}`).join('\n');
}

function stores(tile: Tile, bias: boolean): string {
  const lines = ['  let at = p.o_at + wg.z * p.layer + column;'];
  for (const j of range(tile.columns)) {
    lines.push(`  if (column + ${j}u < p.n) {`);
    for (const i of range(tile.rows)) {
      lines.push(`    if (row + ${i}u < p.m) {`, `      let o = at + (row + ${i}u) * p.ldo + ${j}u;`);
      lines.push(`      var s = p.alpha * s${i}_${j}${bias ? ` + bias[column + ${j}u]` : ''};`);
      lines.push('      if (p.accumulate != 0u) { s += out[o]; }', '      out[o] = s;', '    }');
    }
    lines.push('  }');
  }
  return lines.join('\n');
}
