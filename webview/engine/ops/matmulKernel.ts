import type { Kernel } from '../runtime/kernel';

/** Which operand is stored transposed: `nt` a·bᵀ, `nn` a·b, `tn` aᵀ·b (all row-major). */
export type MatmulForm = 'nt' | 'nn' | 'tn';

/** Outputs per thread: `rows` × `columns`; columns a multiple of 4, rows too for the `tn` form. */
export interface Tile {
  readonly rows: number;
  readonly columns: number;
}

export interface MatmulVariant {
  readonly form: MatmulForm;
  readonly tile: Tile;
  /** b is stored as packed half floats. */
  readonly half: boolean;
  /** A fourth binding, one value per output column, is added. */
  readonly bias: boolean;
  /** Threads per workgroup. */
  readonly threads: number;
}

/**
 * Parameters shared by all matrix kernels. Leading dimensions and offsets count elements; `wide` is the log2 of the
 * threads of a workgroup that lie along the columns; one z layer sums `chunk` terms of k into its own partial output.
 */
const params = `
struct Params {
  m: u32, n: u32, k: u32,
  lda: u32, ldb: u32, ldo: u32,
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
 * Opens the entry point and names the thread's place: block of the workgroup, and `tx`, `ty` inside a `wx` × `wy`
 * arrangement of threads. `wide` is the WGSL expression for log2(wx), `across` the one for the blocks per block row.
 */
export function matmulPlace(threads: number, wide: string, across: string): string {
  return `@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) li: u32) {
  let block = wg.x + wg.y * nwg.x;
  let block_y = block / ${across};
  let block_x = block - block_y * ${across};
  let wx = 1u << ${wide};
  let wy = ${threads}u >> ${wide};
  let tx = li & (wx - 1u);
  let ty = li >> ${wide};
  let k_first = wg.z * p.chunk;
  let k_end = min(p.k, k_first + p.chunk);
`;
}

const lanes = ['x', 'y', 'z', 'w'];

/** 0, 1 … count − 1. */
export function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

/**
 * Register-tiled kernel with 4-wide loads. Leading dimensions and offsets must be multiples of 4. Every operand is a
 * named variable, because both software drivers turn an indexed private array into memory traffic. In the `nn` form
 * with k not a multiple of 4, a's columns up to the next multiple must hold zeros; `nt` needs k to be a multiple of 4.
 */
export function matmulKernel(variant: MatmulVariant): Kernel {
  const { form, tile, half, bias, threads } = variant;
  const bType = half ? 'vec2<u32>' : 'vec4<f32>';
  const code = `${params}
@group(0) @binding(0) var<storage, read_write> a: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> b: array<${bType}>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;
${bias ? '@group(0) @binding(3) var<storage, read_write> bias: array<vec4<f32>>;' : ''}
${loadB(half)}
${matmulPlace(threads, 'p.wide', 'p.across')}
${places(variant)}
${accumulators(tile)}
${loops[form](tile)}
${stores(variant)}
}`;
  return { key: matmulKey(variant), code, bindings: bias ? 4 : 3, step: false };
}

/** Names a variant. */
export function matmulKey({ form, tile, half, bias, threads }: MatmulVariant): string {
  return `matmul_${form}_${tile.rows}x${tile.columns}_${threads}${half ? '_f16' : ''}${bias ? '_bias' : ''}`;
}

function loadB(half: boolean): string {
  const value = half ? 'let w = b[i]; return vec4<f32>(unpack2x16float(w.x), unpack2x16float(w.y));' : 'return b[i];';
  return `fn load_b(i: u32) -> vec4<f32> { ${value} }`;
}

/** Output rows r*, column vectors c*; out-of-range ones are clamped for loads and skipped by the stores. */
function places({ form, tile }: MatmulVariant): string {
  const lines = ['let columns = (p.n + 3u) / 4u;'];
  if (form === 'tn') {
    lines.push('let row_vectors = (p.m + 3u) / 4u;');
    for (const i of range(tile.rows / 4)) lines.push(`let q${i} = block_y * wy * ${tile.rows / 4}u + ty + wy * ${i}u;`);
    for (const i of range(tile.rows)) lines.push(`let r${i} = q${i >> 2} * 4u + ${i & 3}u;`);
  } else {
    lines.push(`let row = (block_y * wy + ty) * ${tile.rows}u;`);
    for (const i of range(tile.rows)) lines.push(`let r${i} = row + ${i}u;`);
  }
  for (const j of range(tile.columns / 4))
    lines.push(`let c${j} = block_x * wx * ${tile.columns / 4}u + tx + wx * ${j}u;`);
  lines.push('if (r0 >= p.m || c0 >= columns) { return; }');
  return lines.map(line => `  ${line}`).join('\n');
}

function accumulators(tile: Tile): string {
  return range(tile.rows)
    .flatMap(i => range(tile.columns / 4).map(j => `  var s${i}_${j} = vec4<f32>();`))
    .join('\n');
}

const loops: Record<MatmulForm, (tile: Tile) => string> = { nt: loopNt, nn: loopNn, tn: loopTn };

function rowPointers(tile: Tile): string[] {
  return range(tile.rows).map(i => `  var a${i} = (p.a_at + min(r${i}, p.m - 1u) * p.lda + k_first) / 4u;`);
}

function loopNt(tile: Tile): string {
  const columns = range(tile.columns);
  const rows = range(tile.rows);
  const lines = rowPointers(tile);
  for (const j of columns)
    lines.push(`  var b${j} = (p.b_at + min(c${j >> 2} * 4u + ${j & 3}u, p.n - 1u) * p.ldb + k_first) / 4u;`);
  lines.push('  for (var k = k_first; k < k_end; k += 4u) {');
  for (const j of columns) lines.push(`    let w${j} = load_b(b${j});`);
  for (const i of rows) {
    lines.push(`    let v${i} = a[a${i}];`);
    for (const j of range(tile.columns / 4)) {
      const dots = lanes.map((_, lane) => `dot(v${i}, w${j * 4 + lane})`);
      lines.push(`    s${i}_${j} += vec4<f32>(${dots.join(', ')});`);
    }
  }
  for (const i of rows) lines.push(`    a${i} += 1u;`);
  for (const j of columns) lines.push(`    b${j} += 1u;`);
  lines.push('  }');
  return lines.join('\n');
}

function loopNn(tile: Tile): string {
  const rows = range(tile.rows);
  const vectors = range(tile.columns / 4);
  const lines = rowPointers(tile);
  for (const j of vectors) lines.push(`  let b${j} = p.b_at / 4u + min(c${j}, columns - 1u);`);
  lines.push('  let pitch = p.ldb / 4u;', '  let last = p.k - 1u;');
  lines.push('  for (var k = k_first; k < k_end; k += 4u) {');
  for (const i of rows) lines.push(`    let v${i} = a[a${i}];`);
  for (const lane of range(4)) {
    lines.push(`    let k${lane} = min(k + ${lane}u, last) * pitch;`);
    for (const j of vectors) {
      lines.push(`    let w${lane}_${j} = load_b(k${lane} + b${j});`);
      for (const i of rows) lines.push(`    s${i}_${j} += v${i}.${lanes[lane]} * w${lane}_${j};`);
    }
  }
  for (const i of rows) lines.push(`    a${i} += 1u;`);
  lines.push('  }');
  return lines.join('\n');
}

function loopTn(tile: Tile): string {
  const vectors = range(tile.columns / 4);
  const lines: string[] = [];
  for (const i of range(tile.rows / 4))
    lines.push(`  var a${i} = (p.a_at + k_first * p.lda) / 4u + min(q${i}, row_vectors - 1u);`);
  for (const j of vectors) lines.push(`  var b${j} = (p.b_at + k_first * p.ldb) / 4u + min(c${j}, columns - 1u);`);
  lines.push('  let pitch_a = p.lda / 4u;', '  let pitch_b = p.ldb / 4u;');
  lines.push('  for (var k = k_first; k < k_end; k++) {');
  for (const j of vectors) lines.push(`    let w${j} = load_b(b${j});`, `    b${j} += pitch_b;`);
  for (const i of range(tile.rows / 4)) {
    lines.push(`    let v${i} = a[a${i}];`, `    a${i} += pitch_a;`);
    for (const lane of range(4))
      for (const j of vectors) lines.push(`    s${i * 4 + lane}_${j} += v${i}.${lanes[lane]} * w${j};`);
  }
  lines.push('  }');
  return lines.join('\n');
}

function stores({ tile, bias }: MatmulVariant): string {
  const lines = ['  let at = (p.o_at + wg.z * p.layer) / 4u;', '  let pitch_o = p.ldo / 4u;'];
  for (const j of range(tile.columns / 4)) {
    lines.push(`  if (c${j} < columns) {`);
    if (bias) lines.push(`    let add = bias[c${j}];`);
    for (const i of range(tile.rows)) {
      lines.push(`    if (r${i} < p.m) {`, `      let o = at + r${i} * pitch_o + c${j};`);
      lines.push(`      var s = p.alpha * s${i}_${j}${bias ? ' + add' : ''};`);
      lines.push('      if (p.accumulate != 0u) { s += out[o]; }', '      out[o] = s;', '    }');
    }
    lines.push('  }');
  }
  return lines.join('\n');
}
