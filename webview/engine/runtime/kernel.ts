/**
 * Chooses kernel variants: `software` avoids barriers (SwiftShader, lavapipe), `quads` also lets four neighbouring lanes
 * share loads (the same adapters with subgroups), `gpu` may use barriers and tree rows. Memory never depends on it.
 */
export type Profile = 'software' | 'quads' | 'gpu';

/**
 * A compute kernel: one WGSL module with entry point `main`.
 *
 * Group 0 holds `bindings` storage buffers, all `var<storage, read_write>`: tensors of one arena share a buffer, and
 * WebGPU forbids mixing read-only and writable uses of a buffer within one dispatch. For the same reason one dispatch
 * must not bind the same tensor twice. Group 1 binding 0 is `var<uniform> p: Params`, at most 16 words;
 * group 1 binding 1 is the {@link stepStruct} for kernels with `step: true`.
 */
export interface Kernel {
  /** Unique per code; names the variant, e.g. `matmul_nt_f16_vec4`. */
  readonly key: string;
  readonly code: string;
  readonly bindings: number;
  readonly step: boolean;
}

/** A word of the `Params` struct, in declaration order: a number is a u32, `f32(x)` a float. */
export type Param = number | { readonly f32: number };

export function f32(value: number): Param {
  return { f32: value };
}

export const maxParamWords = 16;

/** Workgroups in x, y, z. */
export type Grid = readonly [number, number, number];

const maxGroups = 65535;

/**
 * Grid for `threads` one-dimensional invocations in workgroups of `size`; past 65 535 groups it spreads over y.
 * Kernels compute their index as `gid.x + gid.y * nwg.x * SIZE` (see {@link linearIndex}) and must test it.
 */
export function grid1d(threads: number, size: number): Grid {
  const groups = Math.max(1, Math.ceil(threads / size));
  if (groups <= maxGroups) return [groups, 1, 1];
  const rows = Math.ceil(groups / maxGroups);
  return [Math.ceil(groups / rows), rows, 1];
}

/** WGSL entry header and index for one-dimensional kernels with workgroups of `size`. Defines `i`. */
export function linearIndex(size: number): string {
  return `@compute @workgroup_size(${size})
fn main(@builtin(global_invocation_id) gid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>) {
  let i = gid.x + gid.y * nwg.x * ${size}u;`;
}

/**
 * Values that change from step to step without recompiling; written once per micro-batch by the train loop.
 * `loss_scale` is 1/N over the whole accumulation window; `seed` drives dropout and differs per micro-batch;
 * `groups[k]` = (1 - lr·decay, lr / (1 - beta1^t), lr, 0) for parameter group k; `bias2_sqrt` = sqrt(1 - beta2^t);
 * `method` holds up to eight numbers of the method's own schedule.
 */
export const stepStruct = `
struct Step {
  loss_scale: f32,
  seed: u32,
  max_norm: f32,
  epsilon: f32,
  bias2_sqrt: f32,
  groups: array<vec4<f32>, 8>,
  method: array<vec4<f32>, 2>,
}
@group(1) @binding(1) var<uniform> step: Step;
`;
/** Word offsets within {@link stepStruct}. */
export const stepLayout = {
  lossScale: 0,
  seed: 1,
  maxNorm: 2,
  epsilon: 3,
  bias2Sqrt: 4,
  groups: 8,
  mostGroups: 8,
  method: 40,
  mostMethod: 8,
} as const;
export const stepWords = 48;
