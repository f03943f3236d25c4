import type { Emitter } from '../graph/node';
import { elements, type Tensor } from '../graph/tensor';
import { grid1d, type Kernel } from '../runtime/kernel';
import { groupSize, kernelOf } from './kernelSource';

const parts = 256;

function squaresKernel(tensors: number): Kernel {
  const names = Array.from({ length: tensors }, (_, index) => `g${index}`);
  return kernelOf(`squares_of_${tensors}`, () => ({
    storage: { ...Object.fromEntries(names.map(name => [name, 'array<f32>'])), partial: 'array<f32>' },
    params: { parts: 'u32', ...Object.fromEntries(names.map(name => [`${name}_count`, 'u32' as const])) },
    main: `  if (i >= p.parts) { return; }
  var sum = 0.0;
${names.map(name => `  for (var k = i; k < p.${name}_count; k += p.parts) { sum += ${name}[k] * ${name}[k]; }`).join('\n')}
  partial[i] = sum;`,
  }));
}

function rootKernel(): Kernel {
  return kernelOf('norm_finish', () => ({
    storage: { partial: 'array<f32>', out: 'array<f32>' },
    params: { parts: 'u32', index: 'u32' },
    main: `  if (i > 0u) { return; }
  var sum = 0.0;
  for (var k = 0u; k < p.parts; k++) { sum += partial[k]; }
  out[p.index] = sqrt(sum);`,
  }));
}

/** output[index] = 2-norm over all elements of one to six f32 tensors, in a fixed order. */
export function emitGradientNorm(emit: Emitter, tensors: readonly Tensor[], output: Tensor, index: number): void {
  const partial = emit.temp('norm_partial', [parts]);
  const counts = tensors.map(({ shape }) => elements(shape));
  const grid = grid1d(parts, groupSize);
  emit.dispatch(squaresKernel(tensors.length), [...tensors, partial], [parts, ...counts], grid);
  emit.dispatch(rootKernel(), [partial, output], [parts, index], [1, 1, 1]);
}
