/**
 * Counter-based random numbers: a value is a pure function of (seed, stream, index), so any part of a sequence can be
 * had without the part before it, and every platform gives the same bits.
 *
 * Seed and stream make two keys; the index passes two rounds of the 32-bit finalizer of MurmurHash3 (A. Appleby, public
 * domain), a bijection, one key before each. Two streams coincide only if both keys do: with one key they would all be
 * stretches of the same sequence.
 */
export function randomBits(seed: number, stream: number, index: number): number {
  const first = mix(mix(seed ^ 0x9e3779b9) ^ stream);
  const second = mix(first ^ 0x7f4a7c15);
  return mix(mix(first + index) ^ second ^ stream);
}

function mix(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** Names a sequence: what `seed` it belongs to and which of its independent `stream`s it is. */
export interface RandomKey {
  readonly seed: number;
  readonly stream: number;
}

/** A stream number for a name (a tensor's path …): FNV-1a over its UTF-16 units. */
export function streamOf(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/** Value `index` of the uniform distribution on [0, 1), in steps of 2^-32; exact on every platform. */
export function uniform(key: RandomKey, index: number): number {
  return randomBits(key.seed, key.stream, index) / 4294967296;
}

/**
 * Value `index` of the standard normal distribution (Box–Muller on values 2·index and 2·index + 1 of the stream).
 * `Math.log` and `Math.cos` may differ in the last bit between platforms.
 */
export function normal(key: RandomKey, index: number): number {
  const radius = Math.sqrt(-2 * Math.log(1 - uniform(key, 2 * index)));
  return radius * Math.cos(2 * Math.PI * uniform(key, 2 * index + 1));
}

/** As {@link normal}, drawn again until it lies within ±`bound` standard deviations. */
export function truncatedNormal(key: RandomKey, index: number, bound: number): number {
  for (let { stream } = key; ; stream = mix(stream ^ 0x9e3779b9)) {
    const value = normal({ seed: key.seed, stream }, index);
    if (Math.abs(value) <= bound) return value;
  }
}

/** An order of 0 … count-1 that depends on the seed and the epoch alone (Fisher–Yates; exact on every platform). */
export function permutation(count: number, seed: number, epoch: number): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, index) => index);
  const key = { seed, stream: mix(epoch ^ streamOf('data order')) };
  for (let last = count - 1; last > 0; last--) {
    const other = Math.floor(uniform(key, last) * (last + 1));
    [order[last], order[other]] = [order[other], order[last]];
  }
  return order;
}
