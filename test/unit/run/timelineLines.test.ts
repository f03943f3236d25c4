import assert from 'node:assert/strict';
import type { RunEvent, TimelinePoint } from '../../../src/common/run/events';
import { formatEvent, parseEvent } from '../../../src/common/run/parseEvent';

type TimelineEvent = Extract<RunEvent, { type: 'timeline' }>;

/** A step of a 30-block model: a hundred dispatches a block. */
function timeline(): TimelineEvent {
  const phases = ['forward', 'recompute', 'backward', 'optimizer'] as const;
  const points = Array.from({ length: 3000 }, (_, i): TimelinePoint => ({
    phase: phases[i % 4],
    op: `model.layers.${Math.floor(i / 100)}.self_attn.q_proj`,
    activations: 1024 * i,
    workspace: 256 * (i % 7),
  }));
  return {
    type: 'timeline',
    seq: 5,
    time: 9,
    points,
    fixed: { weights: 7 },
    peak: { index: 2999, bytes: 1024 * 2999 },
    transfers: [{ kind: 'parameters', direction: 'up', what: 'block 3', bytes: 512, index: 40 }],
    tensors: [
      { name: 'lm_head.logits', category: 'workspace', bytes: 4096, first: 8, last: 9 },
      { name: 'model.layers.0.mlp.act', category: 'activations', bytes: 512, first: 0, last: 11 },
    ],
  };
}

describe('a timeline in the log', () => {
  it('comes back as it was, from a line of less than a third of its objects', () => {
    const event = timeline();
    const line = formatEvent(event);
    assert.deepEqual(parseEvent(line), event);
    assert.ok(line.length < JSON.stringify(event).length / 3, `${line.length} of ${JSON.stringify(event).length}`);
  });

  it('of points that are objects is read as it is', () => {
    const { points, fixed, peak, type, seq, time } = timeline();
    const event = { type, points, fixed, peak, seq, time };
    assert.deepEqual(parseEvent(JSON.stringify(event)), event);
  });

  for (const broken of [
    { points: [[0, 0, 1]] },
    { points: [[9, 0, 1, 1]] },
    { points: [[0, 4, 1, 1]] },
    { points: [[0, 0, 'x', 1]] },
    { points: [7] },
    { ops: 7 },
    { tensors: 7 },
    { tensors: [['x', 2, 1, 1, 1]] },
    { tensors: [[1, 1, 1, 1, 1]] },
  ])
    it(`is unreadable with ${JSON.stringify(broken)}`, () => {
      const good = { type: 'timeline', seq: 1, time: 1, ops: ['a'], points: [[0, 0, 1, 1]], fixed: {}, peak: {} };
      assert.notEqual(parseEvent(JSON.stringify(good)), undefined);
      assert.equal(parseEvent(JSON.stringify({ ...good, ...broken })), undefined);
    });
});
