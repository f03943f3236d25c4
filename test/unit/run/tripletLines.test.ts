import assert from 'node:assert/strict';
import type { RunEvent, TripletFate } from '../../../src/common/run/events';
import { formatEvent, parseEvent } from '../../../src/common/run/parseEvent';

/** A report as a 30-block model gives it: seven matrices a block, twelve triplets each. */
function largeReport(): RunEvent {
  const fate = (i: number): TripletFate => ({
    sensitivity: Number((1e-4 / (1 + i / 7)).toPrecision(5)),
    uncertainty: Number((3e-5 / (1 + i / 11)).toPrecision(5)),
    score: Number((3e-9 / (1 + i / 5)).toPrecision(5)),
    place: i + 1,
    kept: i % 3 > 0,
  });
  const cell = (first: number) => Array.from({ length: 12 }, (_, i) => fate(first + i));
  const triplets = Array.from({ length: 7 }, (_, row) =>
    Array.from({ length: 30 }, (_, block) => (row === 6 && block === 29 ? null : cell((row * 30 + block) * 12))),
  );
  return { type: 'importance', seq: 4, time: 9, step: 20, tables: [], triplets };
}

describe('triplets in the log', () => {
  it('come back as they were, from lines less than half as long as their objects', () => {
    const event = largeReport();
    const line = formatEvent(event);
    assert.deepEqual(parseEvent(line), event);
    assert.ok(line.length < 0.5 * JSON.stringify(event).length, `${line.length} of ${JSON.stringify(event).length}`);
    assert.ok(line.length < 105_000, String(line.length));
  });

  it('keep a number that is none', () => {
    const triplets = [[[{ sensitivity: NaN, uncertainty: Infinity, score: 0, place: 1, kept: true }]]];
    const back = parseEvent(formatEvent({ type: 'importance', seq: 1, time: 1, step: 1, tables: [], triplets }));
    const fate = { sensitivity: NaN, uncertainty: NaN, score: 0, place: 1, kept: true };
    assert.deepEqual(back, { type: 'importance', seq: 1, time: 1, step: 1, tables: [], triplets: [[[fate]]] });
  });

  for (const triplets of [
    7,
    [7],
    [[7]],
    [[[7]]],
    [[[[1, 2, 3, 4]]]],
    [[[[1, 2, 'x', 4, 1]]]],
    [[null], 'x'],
    { 0: [] },
  ])
    it(`make a line unreadable when they are ${JSON.stringify(triplets)}`, () => {
      const line = JSON.stringify({ type: 'importance', seq: 1, time: 1, step: 1, tables: [], triplets });
      assert.equal(parseEvent(line), undefined);
    });
});
