import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ProblemError, type Problem } from '../../../src/common/errors';
import { readRows } from '../../../webview/engine/data/rows';

const encode = (text: string) => new TextEncoder().encode(text);

function problemOf(bytes: Uint8Array | string): Problem {
  try {
    readRows(typeof bytes === 'string' ? encode(bytes) : bytes, 'train.jsonl');
  } catch (error) {
    if (error instanceof ProblemError) return error.problem;
    throw error;
  }
  throw new assert.AssertionError({ message: 'no problem was thrown' });
}

describe('JSONL rows', () => {
  it('of each kind are read, with extra keys ignored', () => {
    const read = (line: string) => readRows(encode(line), 'train.jsonl')[0];
    assert.deepEqual(read('{"completion": " b", "prompt": "a", "id": 4}'), {
      kind: 'completion',
      line: 1,
      prompt: 'a',
      completion: ' b',
    });
    assert.deepEqual(read('{"text": "é😀"}'), { kind: 'text', line: 1, text: 'é😀' });
    assert.deepEqual(read('{"messages": [{"role": "user", "content": "hi", "name": "x"}]}'), {
      kind: 'messages',
      line: 1,
      messages: [{ role: 'user', content: 'hi' }],
    });
    assert.deepEqual(read('{"input_ids": [1, 2], "labels": [-100, 2]}'), {
      kind: 'tokens',
      line: 1,
      ids: [1, 2],
      labels: [-100, 2],
    });
    assert.deepEqual(read('{"input_ids": [1, 2]}'), { kind: 'tokens', line: 1, ids: [1, 2], labels: [1, 2] });
  });

  it('may have blank lines, CRLF, a byte-order mark and no final line break', () => {
    const rows = readRows(encode('\ufeff{"text": "a"}\r\n\r\n  \n{"text": "b"}'), 'train.jsonl');
    assert.deepEqual(
      rows.map(row => row.line),
      [1, 4],
    );
  });

  it('must not be missing', () => {
    for (const text of ['', '\n\n', '\ufeff']) assert.match(problemOf(text).message, /^train\.jsonl has no rows\.$/);
  });

  it('point to line and column of malformed JSON', () => {
    const cases: [string, RegExp][] = [
      ['{"text": "a"}\n{"text": "a"', /line 2, column 13: a "," or "}" is missing/],
      ['{"text": oops}', /line 1, column 10: a value is missing or not JSON/],
      ['{text: "a"}', /line 1, column 2: a key in double quotes is missing/],
      ["{'text': 'a'}", /line 1, column 2: a key in double quotes/],
      ['{"text": "a"} x', /line 1, column 15: there is text after the end/],
      ['{"text": "a\tb"}', /line 1, column 12: a string contains an unescaped control character/],
      ['{"text": "a', /line 1, column 10: a string is not closed/],
      ['{"text": "\\x"}', /line 1, column 11: a string contains an invalid escape/],
      ['{"text": 01}', /line 1, column 11: a "," or "}" is missing/],
    ];
    for (const [text, expected] of cases) assert.match(problemOf(text).message, expected);
  });

  it('point to line and byte of what is not UTF-8', () => {
    const good = encode('{"text": "é"}\n');
    const cases: [number[], number][] = [
      [[0x61, 0xff], 1],
      [[0xc3], 0],
      [[0x61, 0xe2, 0x82, 0x61], 1],
      [[0xed, 0xa0, 0x80], 0],
      [[0xf0, 0x9f, 0x98, 0x80, 0x80], 4],
    ];
    for (const [bytes, offset] of cases) {
      const found = problemOf(Uint8Array.from([...good, ...bytes]));
      assert.equal(found.code, 'data.encoding');
      assert.equal(found.message, `train.jsonl, line 2: byte ${good.length + offset} is not valid UTF-8.`);
    }
  });

  it('must have the right types', () => {
    const cases: [string, RegExp][] = [
      ['[1]', /a row must be a JSON object, not a list/],
      ['"text"', /not the string "text"/],
      ['{}', /the row has no keys, which is no known kind/],
      ['{"prompt": "a"}', /the keys "prompt", which is no known kind/],
      ['{"prompt": "a", "completion": 3}', /"completion" must be a string, not the number 3/],
      ['{"text": null}', /"text" must be a string, not null/],
      ['{"messages": []}', /at least one message/],
      ['{"messages": [{"role": "user"}]}', /message 1: "content" must be a string, not null/],
      ['{"input_ids": [1.5]}', /entry 1 is the number 1\.5/],
      ['{"input_ids": [-1]}', /entry 1 is the number -1/],
      ['{"input_ids": [1, 2], "labels": [1]}', /"labels" has 1 entries and "input_ids" 2/],
      ['{"input_ids": [1], "labels": [-5]}', /"labels" contains -5/],
    ];
    for (const [text, expected] of cases) assert.match(problemOf(text).message, expected);
  });

  it('must be of one kind', () => {
    const found = problemOf('{"text": "a"}\n\n{"prompt": "a", "completion": "b"}');
    assert.match(found.message, /line 3 is a \{"prompt", "completion"\} row, but line 1 is a \{"text"\} row/);
  });

  it('must not be endless', () => {
    const found = problemOf(new Uint8Array(16 * 1024 * 1024 + 1).fill(0x20));
    assert.match(found.message, /line 1 is longer than 16 MiB/);
  });

  it('survive any bytes: rows or a problem', () => {
    const valid = [...encode('{"prompt": "é", "completion": "b"}\n{"prompt": "c", "completion": "\\u0041"}\n')];
    const edits = fc.array(fc.record({ at: fc.nat({ max: valid.length - 1 }), byte: fc.nat({ max: 255 }) }));
    fc.assert(
      fc.property(edits, fc.nat({ max: valid.length }), (changes, length) => {
        const bytes = Uint8Array.from(valid).subarray(0, length).slice();
        for (const { at, byte } of changes) if (at < length) bytes[at] = byte;
        try {
          assert.ok(readRows(bytes, 'train.jsonl').length > 0);
        } catch (error) {
          assert.ok(error instanceof ProblemError, String(error));
        }
      }),
      { numRuns: 1000 },
    );
  });
});
