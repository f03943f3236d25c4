import { problem } from '../../../src/common/errors';
import type { Emitter, GradientTarget } from '../graph/node';
import { elements, type Tensor } from '../graph/tensor';
import { grid1d } from '../runtime/kernel';
import { groupSize, kernelOf } from './kernelSource';
import { emitLongColumnSum, emitSum } from './reduce';

/**
 * Checks that `gate` has a factor for each of `columns`, or one for all of them.
 * @throws `graph.gate` otherwise.
 */
export function checkGate(gate: Tensor, columns: number): void {
  const count = elements(gate.shape);
  if (count !== columns && count !== 1)
    throw problem(
      'graph.gate',
      `${gate.name} has ${count} factors for ${columns} columns.`,
      'A gate has one factor per column, or one in all.',
    );
}

/** out = x ∘ gate for x [S, r], the gate spread over the rows. */
export function emitGate(emit: Emitter, x: Tensor, gate: Tensor, out: Tensor): void {
  const kernel = kernelOf('gate', () => ({
    storage: { x: 'array<f32>', gate: 'array<f32>', out: 'array<f32>' },
    params: { count: 'u32', gates: 'u32' },
    main: `  if (i >= p.count) { return; }
  out[i] = x[i] * gate[i % p.gates];`,
  }));
  const count = elements(x.shape);
  emit.dispatch(kernel, [x, gate, out], [count, elements(gate.shape)], grid1d(count, groupSize));
}

/** dgate_i (+)= Σ_s v_si·x_si for v = dL/d(x ∘ gate), both [S, r]; summed over i too for a single gate. */
export function emitGateGradient(emit: Emitter, x: Tensor, v: Tensor, target: GradientTarget): void {
  const kernel = kernelOf('products', () => ({
    storage: { a: 'array<f32>', b: 'array<f32>', out: 'array<f32>' },
    params: { count: 'u32' },
    main: `  if (i >= p.count) { return; }
  out[i] = a[i] * b[i];`,
  }));
  const [rows, columns] = x.shape;
  const count = rows * columns;
  const products = emit.temp('gate_products', x.shape);
  emit.dispatch(kernel, [x, v, products], [count], grid1d(count, groupSize));
  if (elements(target.tensor.shape) === 1) emitSum(emit, products, count, target.tensor, 0, target.accumulate);
  else emitLongColumnSum(emit, { tensor: products, rows, stride: columns, offset: 0, columns }, target);
}
