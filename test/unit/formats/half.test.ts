import assert from 'node:assert/strict';
import fc from 'fast-check';
import { decodeToF32 } from '../../../webview/engine/formats/dtypes';
import { floatToHalf, halfToFloat, packF16 } from '../../../webview/engine/formats/half';

/** Value of a binary16 pattern from the definition of the format, by way of its digits in text. */
function defined(bits: number): number {
  const digits = bits.toString(2).padStart(16, '0');
  const exponent = parseInt(digits.slice(1, 6), 2);
  const fraction = parseInt(digits.slice(6), 2);
  const sign = digits.startsWith('1') ? -1 : 1;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}

const all = Array.from({ length: 65536 }, (_, bits) => bits);
const finite = all.filter(bits => Number.isFinite(defined(bits)));

/** The candidate next to `value`; between two equally near ones the even pattern. */
function nearestHalf(value: number): number {
  const magnitude = Math.abs(value);
  const sign = Object.is(Math.sign(value), -0) || value < 0 ? 0x8000 : 0;
  let [low, high] = [0, 0x7c00];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (defined(middle) <= magnitude) low = middle;
    else high = middle;
  }
  const upper = high === 0x7c00 ? 65536 : defined(high);
  const [below, above] = [magnitude - defined(low), upper - magnitude];
  const up = above < below || (above === below && (low & 1) === 1);
  return sign | (up ? high : low);
}

describe('16-bit floats', () => {
  it('decode exactly, all 65 536 of them', () => {
    for (const bits of all) assert.ok(Object.is(halfToFloat(bits), defined(bits)), `0x${bits.toString(16)}`);
  });

  it('come back from f32 unchanged', () => {
    for (const bits of finite) assert.equal(floatToHalf(defined(bits)), bits);
    assert.equal(floatToHalf(Infinity), 0x7c00);
    assert.equal(floatToHalf(-Infinity), 0xfc00);
    assert.ok(Number.isNaN(halfToFloat(floatToHalf(NaN))));
  });

  it('round to the nearest, ties to even, for every f32', () => {
    const ties = fc.nat({ max: 0x7bfe }).map(bits => (defined(bits) + defined(bits + 1)) / 2);
    const small = fc.float({ noNaN: true, min: -(2 ** -13), max: 2 ** -13 });
    const middle = fc.float({ noNaN: true, min: -70000, max: 70000 });
    fc.assert(
      fc.property(fc.oneof(ties, small, middle), value => {
        const single = Math.fround(value);
        assert.equal(floatToHalf(single), nearestHalf(single), String(single));
      }),
      { numRuns: 5000 },
    );
    for (const [value, bits] of [
      [65519.996, 0x7bff],
      [65520, 0x7c00],
      [-65520, 0xfc00],
      [2 ** -25, 0],
      [2 ** -25 * 1.001, 1],
    ] as const)
      assert.equal(floatToHalf(value), bits);
  });

  it('pack two to a word, the even index low', () => {
    assert.deepEqual([...packF16(Float32Array.of(1, -2, 0.5))], [0xc000_3c00, 0x0000_3800]);
    assert.equal(packF16(new Float32Array(0)).length, 0);
  });
});

describe('weights decode to f32', () => {
  it('from F16, whatever the alignment', () => {
    const bytes = new Uint8Array(1 + 2 * all.length);
    all.forEach((bits, index) => new DataView(bytes.buffer).setUint16(1 + 2 * index, bits, true));
    const values = decodeToF32('F16', bytes.subarray(1));
    assert.ok(all.every(bits => Object.is(values[bits], defined(bits))));
  });

  it('from BF16: the upper half of an f32', () => {
    const bytes = Uint8Array.of(0x80, 0x3f, 0x49, 0xc0, 0x01, 0x00, 0x80, 0x7f, 0xc0, 0x7f);
    assert.deepEqual([...decodeToF32('BF16', bytes)], [1, -3.140625, 2 ** -133, Infinity, NaN]);
  });

  it('from F32, as a copy', () => {
    const source = Float32Array.of(1.5, -0, 1e-45, Infinity);
    const decoded = decodeToF32('F32', new Uint8Array(source.buffer));
    source[0] = 9;
    assert.deepEqual([...decoded], [1.5, -0, Math.fround(1e-45), Infinity]);
  });

  it("from Node's Buffer at any offset, as a copy too", () => {
    const buffer = Buffer.from([0, 0, 0, 0, 0, 0x80, 0x3f, 0xff]);
    const values = decodeToF32('F32', buffer.subarray(3, 7));
    buffer.fill(0);
    assert.deepEqual([...values], [1]);
  });

  it('from nothing else', () => {
    assert.throws(() => decodeToF32('I64', new Uint8Array(8)), /Weights of type I64 are not supported/);
    assert.throws(() => decodeToF32('F32', new Uint8Array(6)), /6 bytes are no whole number of F32 values/);
  });
});
