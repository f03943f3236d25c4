import { strict as assert } from 'node:assert';
import { emitAdamW } from '../../webview/engine/ops/adamw';
import { emitSumSquares } from '../../webview/engine/ops/reduce';
import { stepLayout, stepWords } from '../../webview/engine/runtime/kernel';
import trace from '../reference/adamw.json';
import { runEmit } from './emitters';
import { relativeError } from './harness';

type State = Record<'parameter' | 'm' | 'v', Float32Array>;
const betas: readonly [number, number] = [trace.betas[0], trace.betas[1]];

/** The Step uniform of optimizer step `t`, with the values in group 2. */
function stepUniform(t: number, maxNorm: number): Uint32Array {
  const floats = new Float32Array(stepWords);
  floats[stepLayout.maxNorm] = maxNorm;
  floats[stepLayout.epsilon] = trace.epsilon;
  floats[stepLayout.bias2Sqrt] = Math.sqrt(1 - betas[1] ** t);
  floats[stepLayout.groups + 4 * 2] = 1 - trace.lr * trace.decay;
  floats[stepLayout.groups + 4 * 2 + 1] = trace.lr / (1 - betas[0] ** t);
  return new Uint32Array(floats.buffer);
}

async function update(state: State, gradient: Float32Array, t: number, maxNorm = trace.maxNorm): Promise<State> {
  const count = gradient.length;
  const result = await runEmit({
    data: { ...state, gradient, scalars: new Float32Array(2) },
    step: stepUniform(t, maxNorm),
    emit: (emit, { parameter, gradient: g, m, v, scalars }) => {
      emitSumSquares(emit, g, count, scalars, 1, false);
      emitAdamW(emit, { parameter, gradient: g, m, v, offset: 0, count, group: 2, scalars, betas });
    },
  });
  return { parameter: result.parameter, m: result.m, v: result.v };
}

function start(pad = 0): State {
  const zeros = () => new Float32Array(trace.initial.length + pad);
  const parameter = zeros();
  parameter.set(trace.initial);
  return { parameter, m: zeros(), v: zeros() };
}

describe('AdamW', () => {
  for (const pad of [0, 3])
    it(`follows torch for 20 clipped steps (${pad ? 'four at a time' : 'one at a time'})`, async () => {
      let state = start(pad);
      for (const [index, step] of trace.steps.entries()) {
        const gradient = new Float32Array(trace.initial.length + pad);
        gradient.set(step.gradient);
        state = await update(state, gradient, index + 1);
        const got = state.parameter.subarray(0, trace.initial.length);
        const error = relativeError(got, step.parameter);
        assert.ok(error < 4e-7, `step ${index + 1} is off by ${error}`);
      }
      assert.ok(
        state.parameter.subarray(trace.initial.length).every(v => v === 0),
        'padding stays zero',
      );
    });

  it('would notice clipping that is left out', async () => {
    let state = start();
    for (const [index, step] of trace.steps.entries())
      state = await update(state, Float32Array.from(step.gradient), index + 1, 0);
    assert.ok(relativeError(state.parameter, trace.steps[trace.steps.length - 1].parameter) > 1e-4);
  });

  for (const bad of [NaN, Infinity, 1e30])
    it(`leaves everything as it is when a gradient is ${bad}`, async () => {
      const before = await update(start(), Float32Array.from(trace.steps[0].gradient), 1);
      const gradient = Float32Array.from(trace.steps[1].gradient);
      gradient[4] = bad;
      assert.deepEqual(await update(before, gradient, 2), before);
    });
});
