import { strict as assert } from 'node:assert';
import type { GraphBuilder } from '../../webview/engine/graph/builder';
import { meterGate } from '../../webview/engine/ops/gateMeter';
import { emitGradientNorm } from '../../webview/engine/ops/gradientNorm';
import { differentiable, randomArray, relativeError, runOp } from './harness';

/** Two examples of 3 and 2 tokens, then two rows of filling. */
const start = Uint32Array.of(0, 0, 0, 3, 3, 5, 6);
const end = Uint32Array.of(3, 3, 3, 5, 5, 6, 7);

function run(wide: number, narrow: number, z: Float32Array, a: Float32Array, training: boolean) {
  const build = (graph: GraphBuilder) => {
    const read = differentiable(graph, 'z', [7, wide]);
    const added = differentiable(graph, 'a', [7, narrow]);
    const state = graph.state('gates', [3]);
    meterGate(graph, 'gate', { z: read, a: added, state, index: 1 });
    return [added];
  };
  const upstream = training ? { 'a.value': new Float32Array(a.length).fill(1) } : undefined;
  return runOp({ build, data: { z, a, segment_start: start, segment_end: end }, upstream });
}

function norm(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
}

describe('gate meter', () => {
  it('divides what an adapter adds by what it reads, over the tokens of examples', async () => {
    for (const [wide, narrow] of [
      [5, 5],
      [400, 333],
      [1, 7],
    ]) {
      const [z, a] = [randomArray(7 * wide, 1), randomArray(7 * narrow, 2)];
      const { values, gradients } = await run(wide, narrow, z, a, true);
      const expected = norm(a.subarray(0, 5 * narrow)) / norm(z.subarray(0, 5 * wide));
      assert.ok(relativeError([values.gates[1]], [expected]) < 1e-5, `${wide} ${narrow}`);
      assert.deepEqual([values.gates[0], values.gates[2]], [0, 0]);
      assert.ok(
        gradients.a.every(value => value === 1),
        'adds nothing to the gradient',
      );
      assert.ok(gradients.z.every(value => value === 0));
    }
  });

  it('is 0 where nothing is read, and still outside training', async () => {
    const a = randomArray(7, 3);
    assert.equal((await run(4, 1, new Float32Array(28), a, true)).values.gates[1], 0);
    assert.equal((await run(4, 1, randomArray(28, 4), a, false)).values.gates[1], 0);
  });
});

describe('gradient norm', () => {
  it('is the 2-norm over all tensors of a module', async () => {
    for (const sizes of [[7], [300, 5, 1, 64], [1, 2, 3, 4, 5, 6]]) {
      const data = Object.fromEntries(sizes.map((size, i) => [`t${i}`, randomArray(size, i + 1)]));
      const build = (graph: GraphBuilder) => {
        const tensors = sizes.map((size, i) => graph.parameter(`t${i}`, [size]));
        const out = graph.value('norm', [2]);
        graph.add({
          name: 'norm',
          kind: 'norm',
          inputs: tensors,
          outputs: [out],
          saves: () => [],
          forward: emit => emitGradientNorm(emit, tensors, out, 1),
        });
        return [out];
      };
      const { values } = await runOp({ build, data });
      const all = Float32Array.from(Object.values(data).flatMap(values => [...values]));
      assert.ok(relativeError([values.norm[1]], [norm(all)]) < 1e-5, sizes.join());
    }
  });
});
