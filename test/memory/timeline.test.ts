import { strict as assert } from 'node:assert';
import { eventsOf, runJob, smallJob } from '../engine/smallRun';

const training = { max_steps: 2, eval_steps: 2, save_steps: 2, importance_steps: 1, gradient_accumulation_steps: 2 };
const memory = { gradient_checkpointing: 'block', offload: { parameters: 'cpu' } };

describe('the timeline of a step', () => {
  it('says where weights come to the device, as a step moves them for each micro-batch', async () => {
    const outputs = await runJob(smallJob('deep', { memory, training }));
    const [{ transfers = [], points }] = eventsOf(outputs, 'timeline');
    const { list = [] } = eventsOf(outputs, 'transfers')[1];
    const moves = (all: typeof transfers | typeof list) =>
      all.map(({ kind, direction, what, bytes }) => ({ kind, direction, what, bytes }));
    assert.ok(transfers.length > 0);
    assert.deepEqual(moves(list), [...moves(transfers), ...moves(transfers)]);
    for (const { index, what } of transfers)
      if (what.startsWith('block '))
        assert.ok(points[index].op.includes(`layers.${what.slice(6)}.`), `${what}: ${points[index].op}`);
  });

  it('says where the inputs of blocks leave and come back', async () => {
    const offload = { activations: 'cpu' };
    const outputs = await runJob(smallJob('deep', { memory: { ...memory, offload }, training }));
    const [{ transfers = [], points }] = eventsOf(outputs, 'timeline');
    const { list = [] } = eventsOf(outputs, 'transfers')[1];
    const names = (all: typeof transfers | typeof list) =>
      all.map(({ kind, direction, what }) => `${kind} ${direction} ${what}`).sort();
    assert.ok(transfers.length > 0);
    assert.deepEqual(names(list), names([...transfers, ...transfers]));
    for (const { index, direction, what } of transfers) {
      const { phase, op } = points[index];
      if (direction === 'down') assert.equal(phase, 'forward', op);
      else assert.ok(phase === 'recompute' && op.includes(`layers.${what.slice(6)}.`), `${what}: ${phase} ${op}`);
    }
  });

  it('says where the update leaves the device, with the bytes that a step moves', async () => {
    const offload = { parameters: 'cpu', optimizer: 'cpu' };
    const outputs = await runJob(smallJob('deep', { memory: { ...memory, offload }, training }));
    const [{ transfers = [], points }] = eventsOf(outputs, 'timeline');
    const { list = [] } = eventsOf(outputs, 'transfers')[1];
    const bytes = (all: typeof transfers | typeof list, kind: string, direction: string) =>
      all.filter(one => one.kind === kind && one.direction === direction).reduce((sum, one) => sum + one.bytes, 0);
    for (const direction of ['up', 'down']) {
      assert.ok(bytes(list, 'optimizer', direction) > 0);
      assert.equal(bytes(transfers, 'optimizer', direction), bytes(list, 'optimizer', direction));
      assert.equal(bytes(transfers, 'parameters', direction) * 2, bytes(list, 'parameters', direction));
    }
    const moved = transfers.filter(({ kind }) => kind === 'optimizer');
    assert.ok(moved.every(({ index }) => points[index].phase === 'optimizer'));
  });

  it('names the largest tensors alive at each dispatch', async () => {
    const [timeline] = eventsOf(await runJob(smallJob('deep', { training })), 'timeline');
    const { points, tensors = [], transfers } = timeline;
    assert.equal(transfers, undefined);
    points.forEach((point, index) => {
      const alive = tensors.filter(({ first, last }) => first <= index && index <= last);
      for (const category of ['activations', 'workspace'] as const) {
        const named = alive.filter(tensor => tensor.category === category).reduce((sum, { bytes }) => sum + bytes, 0);
        assert.ok(named <= point[category], `${named} of ${point[category]} at ${index}`);
      }
      const live = point.activations + point.workspace;
      assert.ok(live === 0 || alive.length > 0, point.op);
      // Whatever is not named is no larger than the fourth of those that are.
      if (alive.length < 4)
        assert.equal(
          alive.reduce((sum, { bytes }) => sum + bytes, 0),
          live,
        );
    });
    assert.deepEqual(
      tensors.map(({ bytes }) => bytes),
      tensors.map(({ bytes }) => bytes).sort((a, b) => b - a),
    );
  });
});
