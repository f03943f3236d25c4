import { normal, streamOf, uniform } from '../data/random';
import { elements, type Tensor } from '../graph/tensor';

/** N(0, 1), as torch.nn.Embedding starts. */
export function normalValues({ name, shape }: Tensor, seed: number): Float32Array<ArrayBuffer> {
  const key = { seed, stream: streamOf(name) };
  return Float32Array.from({ length: elements(shape) }, (_, i) => normal(key, i));
}

/** U(±1/√fan): torch.nn.Linear's weight and bias with its number of inputs, torch.nn.LSTM's with its hidden size. */
export function uniformValues({ name, shape }: Tensor, fan: number, seed: number): Float32Array<ArrayBuffer> {
  const key = { seed, stream: streamOf(name) };
  const bound = 1 / Math.sqrt(fan);
  return Float32Array.from({ length: elements(shape) }, (_, i) => (2 * uniform(key, i) - 1) * bound);
}
