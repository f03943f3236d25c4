import { strict as assert } from 'node:assert';
import { promptRows } from '../../webview/engine/ops/promptRows';
import { agrees } from './differences';
import { differentiable, randomArray, runOp } from './harness';

const positions = Uint32Array.from([0, 1, 2, 3, 0, 1, 2, 0, 0]);
const S = positions.length;

for (const positioned of [false, true])
  describe(`prompt rows ${positioned ? 'with' : 'without'} learned positions`, () => {
    for (const [P, d] of [
      [1, 3],
      [3, 5],
    ])
      it(`replaces ${P} rows of ${d} in each example`, async () => {
        const data = { x: randomArray(S * d, 1), prompt: randomArray(P * d, 2) };
        const table = randomArray(7 * d, 3);
        const up = randomArray(S * d, 4);
        const result = await runOp({
          build: graph => {
            const x = differentiable(graph, 'x', [S, d]);
            const prompt = differentiable(graph, 'prompt', [P, d]);
            const learned = positioned ? graph.parameter('table', [7, d]) : undefined;
            return [promptRows(graph, 'y', { x, prompt, positions: graph.input('positions', [S]), table: learned })];
          },
          data: { ...data, positions, ...(positioned ? { table } : {}) },
          upstream: { y: up },
        });
        const reference = ({ x, prompt }: Readonly<Record<string, Float64Array>>) =>
          x.map((value, i) => {
            const at = positions[Math.floor(i / d)] * d + (i % d);
            return at < P * d ? prompt[at] + (positioned ? table[at] : 0) : value;
          });
        const { gradients } = result;
        assert.deepEqual(Object.keys(gradients).sort(), ['prompt', 'x']);
        agrees({ reference, inputs: data, up, value: result.values.y, gradients, tolerance: 1e-6 });
      });
  });
