import { GraphBuilder } from '../graph/builder';
import { Recorder } from '../graph/recorder';
import { planEngine } from '../memory/enginePlan';
import { defaultLimits } from '../memory/layout';
import { emitMatmul } from '../ops/matmul';
import { Executor } from './executor';
import type { OpenDevice } from './device';

const size = 48;

/**
 * Multiplies two matrices with the training kernels and compares with f64 on the CPU.
 * @returns the largest difference over the largest value; about 1e-7 on a sound adapter.
 */
export async function selfTest(opened: OpenDevice): Promise<number> {
  const graph = new GraphBuilder();
  const a = graph.parameter('a', [size, size]);
  const b = graph.parameter('b', [size, size]);
  const out = graph.state('out', [size, size]);
  const recorder = new Recorder(opened.profile);
  emitMatmul(recorder, { form: 'nt', a, b, out, m: size, n: size, k: size });
  const program = { dispatches: recorder.dispatches, gradients: new Map() };
  const plan = planEngine({
    table: graph.table,
    limits: defaultLimits,
    gradients: new Map(),
    programs: () => ({ product: program }),
    readbackBytes: size * size * 4,
  });
  const executor = new Executor(opened, plan);
  try {
    const left = Float32Array.from({ length: size * size }, (_, i) => Math.fround(Math.sin(i)));
    const right = Float32Array.from({ length: size * size }, (_, i) => Math.fround(Math.cos(3 * i)));
    executor.write(a, left);
    executor.write(b, right);
    await executor.prepare([program.dispatches]);
    executor.run(executor.load(program, plan.regions.product));
    return largestError(await executor.read(out, size * size), left, right);
  } finally {
    executor.dispose();
  }
}

function largestError(product: Float32Array, left: Float32Array, right: Float32Array): number {
  let error = 0;
  for (let row = 0; row < size; row++)
    for (let column = 0; column < size; column++) {
      let sum = 0;
      for (let k = 0; k < size; k++) sum += left[row * size + k] * right[column * size + k];
      error = Math.max(error, Math.abs(product[row * size + column] - sum) || 0);
    }
  return Number.isFinite(product.reduce((x, y) => x + y, 0)) ? error : Infinity;
}
