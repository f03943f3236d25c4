import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ProblemError } from '../../../src/common/errors';
import { dtypeSize } from '../../../webview/engine/formats/dtypes';
import {
  readFileHeader,
  readHeader,
  readSafetensors,
  writeSafetensors,
  type TensorData,
} from '../../../webview/engine/formats/safetensors';
import reference from '../../reference/safetensors_file.json';

/** A file with this header text and `size` bytes of data. */
function fileOf(header: string, size = 0): Uint8Array {
  const text = new TextEncoder().encode(header);
  const file = new Uint8Array(8 + text.length + size);
  new DataView(file.buffer).setUint32(0, text.length, true);
  file.set(text, 8);
  return file;
}

const entry = (begin: number, end: number, shape = [(end - begin) / 4]) => ({
  dtype: 'F32',
  shape,
  data_offsets: [begin, end],
});

const dtypes = fc.constantFrom('F32', 'F16', 'BF16', 'I64', 'U8', 'BOOL');
const tensor = fc
  .record({ dtype: dtypes, shape: fc.array(fc.nat({ max: 4 }), { maxLength: 3 }), seed: fc.nat({ max: 255 }) })
  .map(({ dtype, shape, seed }): TensorData => {
    const size = shape.reduce((product, length) => product * length, dtypeSize(dtype) ?? 0);
    return { dtype, shape, bytes: Uint8Array.from({ length: size }, (_, index) => (index * 7 + seed) & 255) };
  });
const names = fc.string({ unit: 'grapheme' }).filter(name => name !== '__metadata__');
const tensorMaps = fc.dictionary(names, tensor, { maxKeys: 6 }).map(record => new Map(Object.entries(record)));

describe('safetensors files', () => {
  it('are written byte for byte as the reference implementation does', () => {
    const file = new Uint8Array(Buffer.from(reference.file, 'base64'));
    const { tensors, metadata } = readSafetensors(file, 'file');
    const data = new Map(
      [...tensors].map(([name, { dtype, shape, begin, end }]): [string, TensorData] => {
        return [name, { dtype, shape, bytes: file.subarray(begin, end) }];
      }),
    );
    assert.equal(data.size, 29);
    assert.deepEqual(writeSafetensors(new Map([...data].reverse()), metadata), file);
  });

  it('come back as they were written', () => {
    const metadata = fc.option(fc.dictionary(names, fc.string({ unit: 'grapheme' })), { nil: undefined });
    fc.assert(
      fc.property(tensorMaps, metadata, (tensors, notes) => {
        const file = writeSafetensors(tensors, notes);
        const read = readSafetensors(file, 'file');
        assert.deepEqual({ ...read.metadata }, { ...notes });
        assert.equal(read.dataStart % 8, 0);
        assert.deepEqual([...read.tensors.keys()].sort(), [...tensors.keys()].sort());
        for (const [name, { dtype, shape, begin, end }] of read.tensors)
          assert.deepEqual({ dtype, shape, bytes: file.slice(begin, end) }, tensors.get(name));
      }),
    );
  });

  it('can be opened by their first bytes', () => {
    const file = writeSafetensors(new Map([['a', { dtype: 'U8', shape: [100], bytes: new Uint8Array(100) }]]));
    const { dataStart } = readSafetensors(file, 'file');
    assert.deepEqual(readHeader(file.subarray(0, dataStart), 'file', file.length), readSafetensors(file, 'file'));
    assert.throws(() => readHeader(file.subarray(0, 20), 'file', file.length), /needs the first \d+ bytes/);
  });

  it('are opened without a byte of their tensors, and without room for a header that lies', () => {
    const opened = (bytes: Uint8Array, size = bytes.length) => {
      const asked: [number, number][] = [];
      const slice = (begin: number, end: number) => {
        asked.push([begin, end]);
        return bytes.subarray(begin, end);
      };
      return { read: () => readFileHeader({ size, slice }, 'file'), asked };
    };
    fc.assert(
      fc.property(tensorMaps, tensors => {
        const bytes = writeSafetensors(tensors);
        const { read, asked } = opened(bytes);
        assert.deepEqual(read(), readSafetensors(bytes, 'file'));
        assert.ok(asked.every(([begin, end]) => begin === 0 && end <= read().dataStart));
      }),
    );
    const whole = writeSafetensors(new Map([['a', { dtype: 'U8', shape: [9], bytes: new Uint8Array(9) }]]));
    for (const [bytes, size, expected] of [
      [Uint8Array.of(0, 0, 0, 0, 1, 0, 0, 0), 2 ** 40, /claims 4294967296 bytes; the limit is 100000000/],
      [Uint8Array.of(0, 0, 0, 1, 0, 0, 0, 0), 1000, /claims 16777216 bytes, but the file has 1000/],
      [whole, whole.length - 1, /cut off/],
      [whole, whole.length + 1, /1 bytes at its end/],
      [new Uint8Array(3), 3, /too few for a header/],
    ] as const) {
      const { read, asked } = opened(bytes, size);
      assert.throws(read, expected);
      assert.ok(
        asked.every(([, end]) => end <= whole.length),
        String(asked),
      );
    }
  });

  it('are refused with the reason when they lie', () => {
    const header = (tensors: object) => JSON.stringify(tensors);
    const long = fileOf('{}');
    new DataView(long.buffer).setUint32(4, 1, true);
    const cases: [Uint8Array, RegExp][] = [
      [new Uint8Array(0), /0 bytes, too few/],
      [new Uint8Array(7), /7 bytes, too few/],
      [fileOf('{}').subarray(0, 9), /claims 2 bytes, but the file has 9/],
      [long, /claims 4294967298 bytes; the limit is 100000000/],
      [fileOf(''), /does not start with "\{"/],
      [fileOf(' {}'), /does not start with "\{"/],
      [fileOf('{"a"'), /not valid JSON at byte 12/],
      [fileOf('{"a":1,"a":2}'), /the key "a" appears twice/],
      [Uint8Array.from([2, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0xff]), /header is not UTF-8/],
      [fileOf(header({ a: 3 })), /tensor a is described by the number 3/],
      [fileOf(header({ a: { ...entry(0, 4), dtype: 'F33' } }), 4), /unknown dtype the string "F33"/],
      [fileOf(header({ a: entry(0, 4, [-1]) }), 4), /a has a shape that is no list/],
      [fileOf(header({ a: entry(0, 4, [1.5]) }), 4), /a has a shape that is no list/],
      [fileOf(header({ a: { ...entry(0, 4), data_offsets: [0] } }), 4), /data_offsets that are no pair/],
      [fileOf(header({ a: entry(0, 4, [2 ** 30, 2 ** 30]) }), 4), /impossible shape/],
      [fileOf(header({ a: entry(0, 8, [1]) }), 8), /has 8 bytes of data, but F32 \[1\] needs 4/],
      [fileOf(header({ a: entry(4, 0, [1]) }), 4), /has -4 bytes of data/],
      [fileOf(header({ a: entry(0, 8), b: entry(4, 12) }), 12), /tensor b overlaps the one before it/],
      [fileOf(header({ a: entry(0, 4), b: entry(8, 12) }), 12), /4 bytes before tensor b belong to no tensor/],
      [fileOf(header({ a: entry(4, 8) }), 8), /4 bytes before tensor a/],
      [fileOf(header({ a: entry(0, 8) }), 4), /the file ends at \d+ \(cut off\?\)/],
      [fileOf(header({ a: entry(0, 4) }), 8), /4 bytes at its end belong to no tensor/],
      [fileOf('{"__metadata__":[]}'), /__metadata__ is a list instead of an object/],
      [fileOf('{"__metadata__":{"a":1}}'), /__metadata__\.a is the number 1 instead of a string/],
    ];
    for (const [file, expected] of cases)
      assert.throws(
        () => readSafetensors(file, 'model.safetensors'),
        error => {
          assert.ok(error instanceof ProblemError);
          assert.match(error.problem.message, expected);
          return error.problem.message.startsWith('model.safetensors is not a valid safetensors file: ');
        },
      );
  });

  it('survive any damage: a consistent header or a problem', () => {
    const edits = fc.array(fc.record({ at: fc.nat(), byte: fc.nat({ max: 255 }) }), { maxLength: 4 });
    fc.assert(
      fc.property(tensorMaps, edits, fc.option(fc.nat()), (tensors, changes, cut) => {
        const whole = writeSafetensors(tensors);
        const file = cut === null ? whole : whole.subarray(0, cut % (whole.length + 1));
        for (const { at, byte } of changes) if (file.length > 0) file[at % file.length] = byte;
        try {
          const { tensors: read } = readSafetensors(file, 'file');
          for (const { begin, end } of read.values()) assert.ok(begin >= 8 && begin <= end && end <= file.length);
        } catch (error) {
          assert.ok(error instanceof ProblemError, String(error));
        }
      }),
      { numRuns: 1000 },
    );
  });
});
