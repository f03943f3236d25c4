import { denseRows, type Dense } from './dense';

/** One direction: [4H, in] and [4H, H] with their biases, gates in torch's order i, f, g, o. */
export interface LstmDirection {
  readonly input: Dense;
  readonly state: Dense;
}

/** A bidirectional LSTM layer on the host: x [steps, in] → [steps, 2H] (torch.nn.LSTM), the second direction reversed. */
export function lstmRows(
  x: Float32Array,
  steps: number,
  hidden: number,
  directions: readonly LstmDirection[],
): Float32Array<ArrayBuffer> {
  const width = directions.length * hidden;
  const y = new Float32Array(steps * width);
  const sigmoid = (value: number) => 1 / (1 + Math.exp(-value));
  directions.forEach(({ input, state }, side) => {
    const projected = denseRows(x, steps, input);
    let h = new Float32Array(hidden);
    const cell = new Float64Array(hidden);
    for (let n = 0; n < steps; n++) {
      const step = side === 0 ? n : steps - 1 - n;
      const recurrent = denseRows(h, 1, state);
      const gate = (index: number, j: number) =>
        projected[step * 4 * hidden + index * hidden + j] + recurrent[index * hidden + j];
      h = h.map((_, j) => {
        cell[j] = sigmoid(gate(1, j)) * cell[j] + sigmoid(gate(0, j)) * Math.tanh(gate(2, j));
        return sigmoid(gate(3, j)) * Math.tanh(cell[j]);
      });
      y.set(h, step * width + side * hidden);
    }
  });
  return y;
}
