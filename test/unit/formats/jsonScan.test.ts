import assert from 'node:assert/strict';
import fc from 'fast-check';
import { findJsonFault, placeOf } from '../../../webview/engine/formats/jsonScan';

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe('the JSON scanner', () => {
  it('accepts what JSON.parse accepts, and nothing else', () => {
    const characters = fc.constantFrom(...'{}[]",:\\ntrufalse0123.-+eE \n\u0001é');
    const edited = fc.tuple(fc.json({ depthSize: 'small' }), fc.nat(), characters).map(([text, at, character]) => {
      const place = at % (text.length + 1);
      return text.slice(0, place) + character + text.slice(place + 1);
    });
    const texts = fc.oneof(fc.json(), edited, fc.string({ unit: characters }));
    fc.assert(
      fc.property(texts, text => {
        const fault = findJsonFault(text);
        if (fault?.reason.includes('appears twice')) return;
        assert.equal(fault === undefined, parses(text), JSON.stringify(fault));
      }),
      { numRuns: 3000 },
    );
  });

  it('finds repeated keys, also when spelt with escapes', () => {
    assert.deepEqual(findJsonFault('{"a": 1, "\\u0061": 2}'), { offset: 9, reason: 'the key "a" appears twice' });
    assert.equal(findJsonFault('{"a": {"a": 1}, "b": [{"a": 1}]}'), undefined);
  });

  it('stops at absurd nesting', () => {
    assert.match(findJsonFault('['.repeat(100000))?.reason ?? '', /nested deeper/);
  });

  it('turns offsets into places', () => {
    assert.deepEqual(placeOf('ab\ncd', 0), { line: 1, column: 1 });
    assert.deepEqual(placeOf('ab\ncd', 4), { line: 2, column: 2 });
  });
});
