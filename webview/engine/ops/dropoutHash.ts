/**
 * Counter-based random bits for dropout: element `i` of the mask named `key` in the micro-batch `seed` is a pure
 * function of the three, so that backward, recomputation and a resumed run draw the same mask without storing it.
 * The mixing step is the 32-bit output permutation of O'Neill's PCG (pcg-random.org, RXS-M-XS).
 */
export const dropoutFunctions = `
fn pcg(value: u32) -> u32 {
  let state = value * 747796405u + 2891336453u;
  let word = ((state >> ((state >> 28u) + 4u)) ^ state) * 277803737u;
  return (word >> 22u) ^ word;
}
fn keep(seed: u32, key: u32, i: u32, p: f32) -> bool {
  let stream = pcg(seed ^ pcg(key));
  let bits = pcg(pcg(i ^ stream) + key);
  return f32(bits >> 8u) * 0x1p-24f >= p;
}
`;

/** The WGSL function `pcg`, on unsigned 32-bit integers. */
export function pcg(value: number): number {
  const state = (Math.imul(value, 747796405) + 2891336453) >>> 0;
  const word = Math.imul((state >>> ((state >>> 28) + 4)) ^ state, 277803737) >>> 0;
  return ((word >>> 22) ^ word) >>> 0;
}

/** The WGSL function `keep` of {@link dropoutFunctions}, bit for bit. All but `p` are unsigned 32-bit integers. */
export function keep(seed: number, key: number, i: number, p: number): boolean {
  const stream = pcg((seed ^ pcg(key)) >>> 0);
  const bits = pcg((pcg((i ^ stream) >>> 0) + key) >>> 0);
  return (bits >>> 8) * 2 ** -24 >= Math.fround(p);
}
