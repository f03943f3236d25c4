import { strict as assert } from 'node:assert';
import { relativeError } from './harness';

export type Inputs = Readonly<Record<string, ArrayLike<number>>>;
/** An op straight from its definition, in f64: inputs by name to one output. */
export type Reference = (inputs: Readonly<Record<string, Float64Array>>) => Float64Array;

const sampled = 24;

/** Up to 24 indices spread over the array, its ends among them. */
function samples(count: number): number[] {
  if (count <= sampled) return Array.from({ length: count }, (_, i) => i);
  return Array.from({ length: sampled }, (_, i) => Math.round((i * (count - 1)) / (sampled - 1)));
}

/** dL/d`name` at sampled elements for L = Σ up·reference(inputs), by central differences in f64. */
export function differences(
  reference: Reference,
  inputs: Inputs,
  name: string,
  up: ArrayLike<number>,
): { at: number[]; slopes: number[] } {
  const wide = Object.fromEntries(Object.entries(inputs).map(([key, values]) => [key, Float64Array.from(values)]));
  const loss = () => reference(wide).reduce((sum, y, i) => sum + y * up[i], 0);
  const values = wide[name];
  const at = samples(values.length);
  const slopes = at.map(i => {
    const kept = values[i];
    const step = 1e-5 * Math.max(1, Math.abs(kept));
    values[i] = kept + step;
    const above = loss();
    values[i] = kept - step;
    const below = loss();
    values[i] = kept;
    return (above - below) / (2 * step);
  });
  return { at, slopes };
}

export interface Check {
  readonly reference: Reference;
  readonly inputs: Inputs;
  readonly up: ArrayLike<number>;
  readonly value: ArrayLike<number>;
  readonly gradients: Readonly<Record<string, ArrayLike<number>>>;
  readonly tolerance: number;
}

/** Asserts that a device's value and gradients agree with a reference and with its finite differences. */
export function agrees({ reference, inputs, up, value, gradients, tolerance }: Check): void {
  const wide = Object.fromEntries(Object.entries(inputs).map(([key, values]) => [key, Float64Array.from(values)]));
  const error = relativeError(value, reference(wide));
  assert.ok(error < tolerance, `value is off by ${error}`);
  for (const [name, gradient] of Object.entries(gradients)) {
    const { at, slopes } = differences(reference, inputs, name, up);
    const off = relativeError(
      at.map(i => gradient[i]),
      slopes,
    );
    assert.ok(off < tolerance, `d${name} is off by ${off}`);
  }
}
