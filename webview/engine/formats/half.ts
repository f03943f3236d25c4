/**
 * Conversions between f32 and the 16-bit floats of weight files. IEEE 754 binary16 has 5 exponent bits (bias 15) and
 * 10 fraction bits; bfloat16 is the upper half of an f32.
 */
const scratch = new DataView(new ArrayBuffer(4));

/** The exact f32 value of a binary16 bit pattern, subnormals, infinities and NaN included. */
export function halfToFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The nearest binary16 bit pattern (ties to even); magnitudes from 65 520 up become infinity. */
export function floatToHalf(value: number): number {
  scratch.setFloat32(0, value);
  const bits = scratch.getUint32(0);
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude < 0x38800000) return sign | subnormalHalf(magnitude);
  const rebiased = magnitude - (112 << 23);
  return sign | roundShift(rebiased, 13);
}

/** Below 2^-14 the unit in the last place is fixed at 2^-24. */
function subnormalHalf(magnitude: number): number {
  const shift = 126 - (magnitude >>> 23);
  if (shift > 24) return 0;
  return roundShift((magnitude & 0x7fffff) | 0x800000, shift);
}

/** `value >> shift`, rounded to nearest, ties to even. */
function roundShift(value: number, shift: number): number {
  const half = 1 << (shift - 1);
  const rest = value & ((1 << shift) - 1);
  const floor = value >>> shift;
  return rest > half || (rest === half && (floor & 1) === 1) ? floor + 1 : floor;
}

/** All 65 536 binary16 values, so that decoding a weight file is a table look-up. */
export function halfTable(): Float32Array {
  return Float32Array.from({ length: 65536 }, (_, bits) => halfToFloat(bits));
}

/**
 * Packs values as binary16, two to a word, the even index in the low half: the order of WGSL's `unpack2x16float`.
 * An odd count leaves the last high half zero.
 */
export function packF16(values: Float32Array): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(values.length / 2));
  for (let i = 0; i < values.length; i++) words[i >> 1] |= floatToHalf(values[i]) << ((i & 1) * 16);
  return words;
}
