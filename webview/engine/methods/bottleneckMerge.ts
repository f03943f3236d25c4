import { problem } from '../../../src/common/errors';
import type { BottleneckAdapter } from '../formats/adaptersLibrary';
import { transpose } from '../formats/packedMatrix';
import type { ModuleSpec } from '../model/catalog';
import { isResidual } from './bottleneckPlaces';
import type { WeightChange, WeightChanges } from './merge';

/**
 * What Rebuffi's adapters make of the base weights. In series f + αf with f = Wx + b gives W + αW and b + αb; in parallel
 * f + αx gives W + α. Trained norms take the place of the model's. Products are summed in f64.
 * @throws `merge.nonlinear` for Houlsby's and Pfeiffer's adapters: a non-linearity cannot be part of a matrix.
 */
export function residualChanges(adapter: BottleneckAdapter): WeightChanges {
  const { placement } = adapter.config;
  if (!isResidual(placement))
    throw problem(
      'merge.nonlinear',
      `An adapter with the placement ${placement} has a non-linearity and cannot be merged into the weights.`,
      'Keep it beside the model, or train with residual_series or residual_parallel.',
    );
  const changes = new Map<string, WeightChange>();
  const ofPlaces = new Set(adapter.places.flatMap(place => place.tensors.map(({ name }) => name)));
  for (const [name, values] of adapter.tensors) if (!ofPlaces.has(name)) changes.set(name, () => values);
  for (const { tensors, module } of adapter.places) {
    const alpha = adapter.tensors.get(tensors[0].name) as Float32Array;
    const { path, bias, out } = module;
    if (placement === 'residual_parallel') {
      changes.set(`${path}.weight`, weight => plus(weight, inLayout(alpha, module)));
      continue;
    }
    changes.set(`${path}.weight`, weight => plus(weight, timesWeight(alpha, weight, module)));
    if (bias) changes.set(`${path}.bias`, values => plus(values, product(alpha, values, out, 1)));
  }
  return changes;
}

function plus(a: Float32Array, b: Float32Array): Float32Array {
  return a.map((value, i) => value + b[i]);
}

/** An [out, in] matrix in the layout of the module's weight. */
function inLayout(values: Float32Array, { layout, in: inner, out: outer }: ModuleSpec): Float32Array {
  return layout === 'io' ? transpose(values, outer, inner) : values;
}

/** αW in the layout of W. */
function timesWeight(alpha: Float32Array, weight: Float32Array, module: ModuleSpec): Float32Array {
  const { layout, in: inner, out: outer } = module;
  const rows = layout === 'io' ? transpose(weight, inner, outer) : weight;
  return inLayout(product(alpha, rows, outer, inner), module);
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
