import { problem } from '../../../src/common/errors';
import type { BottleneckAdapter } from '../formats/adaptersLibrary';
import { transpose } from '../formats/packedMatrix';
import { isResidual, type AdapterPlace } from './bottleneckPlaces';

/** Reads a base weight, as it is merged into, by its name in the model's files. */
export type ReadWeight = (name: string) => Float32Array;

/**
 * What Rebuffi's adapters change in the base weights, by name and in the layout of the file, for `mergeWeights`. In series
 * f + αf with f = Wx + b gives αW and αb; in parallel f + αx gives α. Trained norms come along. Products are summed in f64.
 * @throws `merge.nonlinear` for Houlsby's and Pfeiffer's adapters: a non-linearity cannot be part of a matrix.
 */
export function residualUpdates(adapter: BottleneckAdapter, read: ReadWeight): Map<string, Float32Array> {
  const { placement } = adapter.config;
  if (!isResidual(placement))
    throw problem(
      'merge.nonlinear',
      `An adapter with the placement ${placement} has a non-linearity and cannot be merged into the weights.`,
      'Keep it beside the model, or train with residual_series or residual_parallel.',
    );
  const updates = new Map<string, Float32Array>();
  const ofPlaces = new Set(adapter.places.flatMap(place => place.tensors.map(({ name }) => name)));
  for (const [name, values] of adapter.tensors)
    if (!ofPlaces.has(name)) updates.set(name, difference(values, read(name)));
  for (const place of adapter.places) {
    const alpha = adapter.tensors.get(place.tensors[0].name) as Float32Array;
    const { path, bias, layout, in: inner, out: outer } = place.module;
    if (placement === 'residual_parallel') {
      updates.set(`${path}.weight`, layout === 'io' ? transpose(alpha, outer, inner) : alpha);
      continue;
    }
    updates.set(`${path}.weight`, weightUpdate(place, alpha, read(`${path}.weight`)));
    if (bias) updates.set(`${path}.bias`, product(alpha, read(`${path}.bias`), outer, 1));
  }
  return updates;
}

function difference(a: Float32Array, b: Float32Array): Float32Array {
  return a.map((value, i) => value - b[i]);
}

/** αW in the layout of W. */
function weightUpdate({ module }: AdapterPlace, alpha: Float32Array, weight: Float32Array): Float32Array {
  const { layout, in: inner, out: outer } = module;
  if (layout === 'oi') return product(alpha, weight, outer, inner);
  return transpose(product(alpha, transpose(weight, inner, outer), outer, inner), outer, inner);
}

/** αX for α [rows, rows] and X [rows, columns]. */
function product(alpha: Float32Array, x: Float32Array, rows: number, columns: number): Float32Array {
  const result = new Float32Array(rows * columns);
  const sums = new Float64Array(columns);
  for (let row = 0; row < rows; row++) {
    sums.fill(0);
    for (let inner = 0; inner < rows; inner++) {
      const factor = alpha[row * rows + inner];
      for (let column = 0; column < columns; column++) sums[column] += factor * x[inner * columns + column];
    }
    result.set(sums, row * columns);
  }
  return result;
}
