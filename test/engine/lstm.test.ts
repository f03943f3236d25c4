import { strict as assert } from 'node:assert';
import type { GraphBuilder } from '../../webview/engine/graph/builder';
import { lstmLayer, type LstmWeights } from '../../webview/engine/ops/lstm';
import { agrees, type Reference } from './differences';
import { differentiable, randomArray, runOp } from './harness';

const sides = ['forward', 'reverse'] as const;
const leaves = ['w', 'u', 'b', 'c'] as const;

function shapes(width: number, hidden: number): Record<(typeof leaves)[number], number[]> {
  return { w: [4 * hidden, width], u: [4 * hidden, hidden], b: [4 * hidden], c: [4 * hidden] };
}

/** torch.nn.LSTM's equations, one step after another. */
function reference(steps: number, width: number, hidden: number): Reference {
  const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
  return data => {
    const y = new Float64Array(steps * 2 * hidden);
    for (const [side, name] of sides.entries()) {
      const [w, u, b, c] = leaves.map(leaf => data[`${name}.${leaf}`]);
      let h = new Float64Array(hidden);
      let cell = new Float64Array(hidden);
      for (let n = 0; n < steps; n++) {
        const t = side === 0 ? n : steps - 1 - n;
        const gate = Float64Array.from({ length: 4 * hidden }, (_, row) => {
          let sum = b[row] + c[row];
          for (let j = 0; j < width; j++) sum += w[row * width + j] * data.x[t * width + j];
          for (let j = 0; j < hidden; j++) sum += u[row * hidden + j] * h[j];
          return sum;
        });
        const at = (index: number, j: number) => gate[index * hidden + j];
        const before = cell;
        cell = before.map((old, j) => sigmoid(at(1, j)) * old + sigmoid(at(0, j)) * Math.tanh(at(2, j)));
        h = cell.map((now, j) => sigmoid(at(3, j)) * Math.tanh(now));
        y.set(h, t * 2 * hidden + side * hidden);
      }
    }
    return y;
  };
}

function weights(graph: GraphBuilder, side: string, width: number, hidden: number): LstmWeights {
  const shape = shapes(width, hidden);
  const [inputWeight, hiddenWeight, inputBias, hiddenBias] = leaves.map(leaf =>
    graph.parameter(`${side}.${leaf}`, shape[leaf], { trainable: true }),
  );
  return { inputWeight, hiddenWeight, inputBias, hiddenBias };
}

async function run(steps: number, width: number, hidden: number) {
  const data: Record<string, Float32Array> = { x: randomArray(steps * width, 3) };
  for (const [side, name] of sides.entries())
    for (const [at, leaf] of leaves.entries()) {
      const count = shapes(width, hidden)[leaf].reduce((a, b) => a * b, 1);
      data[`${name}.${leaf}`] = randomArray(count, 10 * side + at + 5, 0.6);
    }
  const up = randomArray(steps * 2 * hidden, 9);
  const result = await runOp({
    build: graph => {
      const x = differentiable(graph, 'x', [steps, width]);
      const both = sides.map(side => weights(graph, side, width, hidden));
      return [lstmLayer(graph, 'y', x, [both[0], both[1]])];
    },
    data,
    upstream: { y: up },
  });
  return { data, up, result };
}

describe('an LSTM layer', () => {
  for (const [steps, width, hidden] of [
    [1, 3, 2],
    [2, 4, 4],
    [7, 5, 3],
    [12, 8, 70],
  ])
    it(`over ${steps} steps of ${width}, ${hidden} states`, async () => {
      const { data, up, result } = await run(steps, width, hidden);
      const { gradients } = result;
      const check = { reference: reference(steps, width, hidden), inputs: data, up, tolerance: 3e-5 };
      agrees({ ...check, value: result.values.y, gradients });
    });

  it('repeats itself bit for bit', async () => {
    const [first, second] = [await run(5, 4, 6), await run(5, 4, 6)];
    assert.deepEqual(first.result, second.result);
  });
});
