import assert from 'node:assert/strict';
import fc from 'fast-check';
import { bitsPerWeight, blockSizes, type BlockFormat } from '../../../webview/engine/formats/blockFormat';
import { dequantizeBlocks, quantizeBlocks, quantizeScales } from '../../../webview/engine/formats/blockwise';
import { codebooks, dynamicMap } from '../../../webview/engine/formats/codebook';
import { packBlocks, packNibbles, unpackBlocks, unpackNibbles } from '../../../webview/engine/formats/packedMatrix';
import reference from '../../reference/quantization.json';

const bytes = (text: string) => Uint8Array.from(atob(text), character => character.charCodeAt(0));
const floats = (text: string) => new Float32Array(bytes(text).buffer);
const bits = (values: Float32Array) => [...new Uint32Array(values.buffer, values.byteOffset, values.length)];

const fromBits = (word: number) => new Float32Array(Uint32Array.of(word).buffer)[0];

/** The generator of the reference script. */
function values(count: number, seed: number, scale: number): Float32Array {
  let state = (seed * 2654435761 + 1) % 2 ** 32;
  const draw = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
  return Float32Array.from({ length: count }, () => (draw() + draw() + draw()) * scale);
}

function normals(count: number, seed: number): Float32Array {
  const uniform = values(2 * count, seed, 1 / 3);
  let state = seed >>> 0;
  const draw = () => ((state = (Math.imul(state, 1664525) + 1013904223) >>> 0) + 1) / 2 ** 32;
  return uniform.slice(0, count).map(() => Math.sqrt(-2 * Math.log(draw())) * Math.cos(2 * Math.PI * draw()));
}

const nf4: BlockFormat = { kind: 'nf4', blockSize: 64, nested: false };
const kinds = ['nf4', 'fp4', 'int8'] as const;

function meanError(format: BlockFormat): number {
  const x = normals(1 << 16, 11);
  const found = unpackBlocks(packBlocks(x, format), x.length, format);
  return found.reduce((sum, value, i) => sum + Math.abs(value - x[i]), 0) / x.length;
}

describe('block quantization is that of bitsandbytes', () => {
  it('has its tables, bit for bit', () => {
    assert.deepEqual(bits(dynamicMap()), bits(floats(reference.dynamicMap)));
    assert.deepEqual([...codebooks.nf4.values], [...floats(reference.nf4)]);
    assert.deepEqual([...codebooks.fp4.values].map(Math.abs), [...floats(reference.fp4)].map(Math.abs));
  });

  for (const test of reference.cases) {
    const { kind, count, blockSize, nested } = test;
    it(`${kind} of ${count} in blocks of ${blockSize}${nested ? ', scales nested' : ''}`, () => {
      const format: BlockFormat = { kind: kind as 'nf4' | 'fp4', blockSize, nested };
      const x = values(count, test.seed, test.scale);
      const { codes, absmax } = quantizeBlocks(x, format);
      assert.deepEqual([...codes], [...expectedCodes(test)]);
      if (test.absmax !== undefined) assert.deepEqual(bits(absmax), bits(floats(test.absmax)));
      if (test.scales !== undefined && test.absmax2 !== undefined) {
        const scales = quantizeScales(absmax);
        assert.deepEqual([...scales.codes], [...bytes(test.scales)]);
        const unit = Math.fround(scales.offset) * 2 ** -23;
        assert.ok(Math.abs(scales.offset - fromBits(test.offset)) <= 2 * unit, 'the mean, to the order of its sum');
        floats(test.absmax2).forEach((value, i) => assert.ok(Math.abs(value - scales.absmax[i]) <= 2 * unit));
      }
      const words = packBlocks(x, format);
      const found = unpackBlocks(words, count, format);
      floats(test.values ?? '').forEach((value, i) =>
        assert.ok(Math.abs(found[i] - value) <= (nested ? 1e-6 * Math.abs(value) : 0), `value ${i}`),
      );
    });
  }

  it('keeps its accuracy on N(0, 1)', () => {
    for (const { kind, blockSize, nested, error } of reference.anchors) {
      const found = meanError({ kind: kind as 'nf4' | 'fp4', blockSize, nested });
      assert.ok(
        Math.abs(found - error) < (blockSize === 64 ? 5e-4 : 0.02 * error),
        `${kind} ${blockSize}: ${found}, theirs ${error}`,
      );
    }
    assert.ok(Math.abs(meanError(nf4) - 0.0728) < 5e-4);
    assert.ok(meanError({ ...nf4, nested: true }) < 0.0732);
    assert.ok(meanError({ ...nf4, kind: 'int8' }) < 0.006);
  });
});

type Case = (typeof reference.cases)[number];

function expectedCodes({ packed, count }: Case): Uint8Array {
  return unpackNibbles(bytes(packed), count);
}

describe('packed blocks', () => {
  it('hold the even code in the high half of a byte', () => {
    assert.deepEqual([...packNibbles(Uint8Array.of(1, 2, 15, 0, 7))], [0x12, 0xf0, 0x70]);
    assert.deepEqual([...unpackNibbles(Uint8Array.of(0x12, 0xf0, 0x70), 5)], [1, 2, 15, 0, 7]);
  });

  it('take the lower value halfway between two', () => {
    const { encode, values: table } = codebooks.nf4;
    for (let code = 0; code < 15; code++) {
      const middle = Math.fround(Math.fround(table[code] + table[code + 1]) / 2);
      assert.equal(encode(middle), code);
      assert.equal(encode(middle + 1e-7), code + 1);
      assert.equal(encode(table[code]), code);
    }
  });

  it('need 4.127 bits a weight as double-quantized nf4', () => {
    assert.ok(Math.abs(bitsPerWeight(3072 * 768, { ...nf4, nested: true }) - 4.12695) < 1e-4);
    assert.equal(bitsPerWeight(3072 * 768, nf4), 4.5);
    assert.equal(bitsPerWeight(4096, { ...nf4, kind: 'int8' }), 8.5);
  });

  it('bring every value back to the nearest that its block can hold', () => {
    const list = fc.array(fc.float({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 }), { maxLength: 700 });
    fc.assert(
      fc.property(
        list,
        fc.constantFrom(...kinds),
        fc.constantFrom(...blockSizes.slice(0, 4)),
        (xs, kind, blockSize) => {
          const x = Float32Array.from(xs);
          const format: BlockFormat = { kind, blockSize, nested: false };
          const found = unpackBlocks(packBlocks(x, format), x.length, format);
          const { absmax } = quantizeBlocks(x, format);
          // Half the widest gap between two codes, relative to the block's largest magnitude.
          const gap = { nf4: 0.152, fp4: 0.1667, int8: 0.5 / 127 }[kind];
          x.forEach((value, i) => {
            const largest = absmax[Math.floor(i / blockSize)];
            assert.ok(Math.abs(found[i] - value) <= largest * (gap + 1e-6) + 1e-37, `${kind} ${value} → ${found[i]}`);
          });
        },
      ),
      { numRuns: 200 },
    );
  });

  it('stay as they are when quantized again', () => {
    fc.assert(
      fc.property(fc.nat(1000), fc.integer({ min: 1, max: 400 }), fc.constantFrom(...kinds), (seed, count, kind) => {
        const format: BlockFormat = { kind, blockSize: 64, nested: false };
        const once = dequantizeBlocks(quantizeBlocks(values(count, seed, 0.1), format), format);
        const twice = dequantizeBlocks(quantizeBlocks(once, format), format);
        const worst = once.reduce((most, value, i) => Math.max(most, Math.abs(value - twice[i])), 0);
        assert.ok(worst <= 1e-7, `${kind} moved by ${worst}`);
      }),
      { numRuns: 60 },
    );
  });

  it('store a constant block and a block of zeros exactly', () => {
    for (const kind of kinds) {
      const format: BlockFormat = { kind, blockSize: 32, nested: false };
      const x = Float32Array.from({ length: 70 }, (_, i) => (i < 32 ? 0.25 : i < 64 ? 0 : -3));
      assert.ok(unpackBlocks(packBlocks(x, format), 70, format).every((value, i) => Math.abs(value - x[i]) < 1e-6));
    }
  });

  it('of the wrong length are refused', () => {
    const words = packBlocks(values(100, 1, 1), nf4);
    assert.throws(() => unpackBlocks(words, 1000, nf4), /15 words do not hold 1000 weights as nf4; that takes 141/);
    assert.throws(() => unpackBlocks(words.subarray(1), 100, nf4), /do not hold 100 weights/);
  });
});
