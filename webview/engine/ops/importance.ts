import { problem } from '../../../src/common/errors';
import type { Emitter } from '../graph/node';
import { elements, type Tensor } from '../graph/tensor';
import { f32, grid1d, type Kernel } from '../runtime/kernel';
import { groupSize, kernelOf } from './kernelSource';

/** One LoRA module, ΔW = scale·B·A, with the gradients of its factors: A [r, in], B [out, r], all f32. */
export interface LoraCell {
  readonly a: Tensor;
  readonly b: Tensor;
  readonly gradientA: Tensor;
  readonly gradientB: Tensor;
  readonly scale: number;
}

const normParts = 256;

function pairSquares(): Kernel {
  return kernelOf('pair_squares', () => ({
    storage: { a: 'array<f32>', b: 'array<f32>', parts: 'array<f32>' },
    params: { parts_count: 'u32', a_count: 'u32', b_count: 'u32' },
    main: `  if (i >= p.parts_count) { return; }
  var sum = 0.0;
  for (var k = i; k < p.a_count; k += p.parts_count) { sum += a[k] * a[k]; }
  for (var k = i; k < p.b_count; k += p.parts_count) { sum += b[k] * b[k]; }
  parts[i] = sum;`,
  }));
}

/** terms[i, j] = (BᵀB)_ij·(AAᵀ)_ij. */
function gramKernel(): Kernel {
  return kernelOf('lora_gram', () => ({
    storage: { a: 'array<f32>', b: 'array<f32>', terms: 'array<f32>' },
    params: { rank: 'u32', inputs: 'u32', outputs: 'u32' },
    main: `  if (i >= p.rank * p.rank) { return; }
  let row = i / p.rank;
  let column = i % p.rank;
  var left = 0.0;
  for (var k = 0u; k < p.outputs; k++) { left += b[k * p.rank + row] * b[k * p.rank + column]; }
  var right = 0.0;
  for (var k = 0u; k < p.inputs; k++) { right += a[row * p.inputs + k] * a[column * p.inputs + k]; }
  terms[i] = left * right;`,
  }));
}

/** out[index] = scale·√Σ terms; rounding may leave the sum of a vanishing product below zero. */
function rootKernel(): Kernel {
  return kernelOf('root_of_sum', () => ({
    storage: { terms: 'array<f32>', out: 'array<f32>' },
    params: { count: 'u32', index: 'u32', scale: 'f32' },
    main: `  if (i > 0u) { return; }
  var sum = 0.0;
  for (var k = 0u; k < p.count; k++) { sum += terms[k]; }
  out[p.index] = p.scale * sqrt(max(sum, 0.0));`,
  }));
}

function emitGradientNorm(emit: Emitter, { gradientA, gradientB }: LoraCell, output: Tensor, index: number): void {
  const parts = emit.temp('norm_parts', [normParts]);
  const counts = [normParts, elements(gradientA.shape), elements(gradientB.shape)];
  emit.dispatch(pairSquares(), [gradientA, gradientB, parts], counts, grid1d(normParts, groupSize));
  emit.dispatch(rootKernel(), [parts, output], [normParts, index, f32(1)], [1, 1, 1]);
}

/** output[index] = scale·‖BA‖_F. */
export function emitUpdateNorm(
  emit: Emitter,
  { a, b, scale }: Pick<LoraCell, 'a' | 'b' | 'scale'>,
  output: Tensor,
  index: number,
): void {
  const [rank, inputs] = a.shape;
  if (a.shape.length !== 2 || b.shape.length !== 2 || b.shape[1] !== rank)
    throw problem(
      'graph.shape',
      `LoRA factors ${a.name} [${a.shape.join(', ')}] and ${b.name} [${b.shape.join(', ')}] have no common rank.`,
      'A must be [r, in] and B [out, r].',
    );
  const terms = emit.temp('gram', [rank * rank]);
  emit.dispatch(gramKernel(), [a, b, terms], [rank, inputs, b.shape[0]], grid1d(rank * rank, groupSize));
  emit.dispatch(rootKernel(), [terms, output], [rank * rank, index, f32(scale)], [1, 1, 1]);
}

/**
 * Two measures of each of n modules into `output` [2n]: first ‖(∇A, ∇B)‖₂ of all modules, then scale·‖BA‖_F of all.
 * ‖BA‖²_F = Σ_ij (BᵀB)_ij·(AAᵀ)_ij takes r² inner products instead of the [out, in] product.
 */
export function emitLoraImportance(emit: Emitter, cells: readonly LoraCell[], output: Tensor): void {
  cells.forEach((cell, index) => emitGradientNorm(emit, cell, output, index));
  cells.forEach((cell, index) => emitUpdateNorm(emit, cell, output, cells.length + index));
}
