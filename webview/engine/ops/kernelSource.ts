import { stepStruct, type Kernel, type Profile } from '../runtime/kernel';

/** A kernel before it is text. Shapes belong in `params`, so that few variants serve a whole model. */
export interface KernelSource {
  /** WGSL type of each storage binding by its name, in binding order, e.g. `{ x: 'array<f32>' }`. */
  readonly storage: Readonly<Record<string, string>>;
  /** Words of the `Params` struct by name, in order. */
  readonly params: Readonly<Record<string, 'u32' | 'f32'>>;
  /** Module-scope WGSL: constants, aliases, functions. */
  readonly declarations?: string;
  /** Statements of the entry point. `i` is the invocation's index (not yet tested against anything). */
  readonly main: string;
  readonly step?: boolean;
  /** The kernel passes values between the lanes of a quad. */
  readonly quads?: boolean;
}

/** Invocations per workgroup of every kernel made here. */
export const groupSize = 64;

const built = new Map<string, Kernel>();

/** The kernel named `key`; `source` runs only the first time, so recording a plan again costs no text building. */
export function kernelOf(key: string, source: () => KernelSource): Kernel {
  const known = built.get(key);
  if (known) return known;
  const kernel = assemble(key, source());
  built.set(key, kernel);
  return kernel;
}

function assemble(key: string, source: KernelSource): Kernel {
  const names = Object.keys(source.storage);
  const storage = names.map(
    (name, at) => `@group(0) @binding(${at}) var<storage, read_write> ${name}: ${source.storage[name]};`,
  );
  const params = Object.entries(source.params).map(([name, type]) => `${name}: ${type}`);
  const enable = source.quads ? 'enable subgroups;\ndiagnostic(off, subgroup_uniformity);\n' : '';
  const code = `${enable}struct Params { ${params.join(', ')} }
@group(1) @binding(0) var<uniform> p: Params;
${storage.join('\n')}
${source.step ? stepStruct : ''}${source.declarations ?? ''}
@compute @workgroup_size(${groupSize})
fn main(@builtin(global_invocation_id) gid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let i = gid.x + gid.y * nwg.x * ${groupSize}u;
${source.main}
}
`;
  return { key, code, bindings: names.length, step: source.step ?? false };
}

/** How a kernel walks a row of floats: four at a time where the width allows it. */
export interface Vector {
  readonly wide: boolean;
  /** Floats per element: 4 or 1. */
  readonly step: number;
  /** Suffix of kernel keys. */
  readonly suffix: string;
  /** `alias V` and `fn total(v: V) -> f32`, the sum over a V. */
  readonly declarations: string;
}

const vec4: Vector = {
  wide: true,
  step: 4,
  suffix: '_vec4',
  declarations: `alias V = vec4<f32>;
fn total(v: V) -> f32 { return (v.x + v.y) + (v.z + v.w); }`,
};
const scalar: Vector = {
  wide: false,
  step: 1,
  suffix: '',
  declarations: `alias V = f32;
fn total(v: V) -> f32 { return v; }`,
};

/** The widest vector that divides all of `widths`, which are counts or offsets in floats. */
export function vectorFor(...widths: readonly number[]): Vector {
  return widths.every(width => width % 4 === 0) ? vec4 : scalar;
}

/**
 * Lets a kernel's body run once per row: it sees `row`, and walks columns from `lane` in steps of `LANES`.
 * `row_sum(value, lane)` adds a value over the lanes of the row, in a fixed order.
 * In the software profile a row is one invocation, because a workgroup barrier costs more than the row there;
 * in the gpu profile it is a workgroup with a tree in shared memory.
 */
export interface RowShape {
  readonly suffix: string;
  readonly declarations: string;
  /** Opens the entry point's body; expects `p.rows`. */
  readonly enter: string;
  /** Invocations to launch for a number of rows. */
  invocations(rows: number): number;
}

const onePerRow: RowShape = {
  suffix: '',
  declarations: `const LANES = 1u;
fn row_sum(value: f32, lane: u32) -> f32 { return value; }`,
  enter: `  let row = i;
  let lane = 0u;
  if (row >= p.rows) { return; }`,
  invocations: rows => rows,
};

const treePerRow: RowShape = {
  suffix: '_tree',
  declarations: `const LANES = ${groupSize}u;
var<workgroup> lane_sum: array<f32, ${groupSize}>;
fn row_sum(value: f32, lane: u32) -> f32 {
  lane_sum[lane] = value;
  workgroupBarrier();
  for (var half = ${groupSize / 2}u; half > 0u; half >>= 1u) {
    if (lane < half) { lane_sum[lane] += lane_sum[lane + half]; }
    workgroupBarrier();
  }
  let sum = lane_sum[0];
  workgroupBarrier();
  return sum;
}`,
  enter: `  let row = group.x + group.y * nwg.x;
  let lane = local;
  if (row >= p.rows) { return; }`,
  invocations: rows => rows * groupSize,
};

export function rowShape(profile: Profile): RowShape {
  return profile === 'gpu' ? treePerRow : onePerRow;
}

/** WGSL that stores `value` at `place`, or adds it there when `p.accumulate` is set. */
export function put(place: string, value: string): string {
  return `if (p.accumulate != 0u) { ${place} = ${place} + ${value}; } else { ${place} = ${value}; }`;
}
