import { problem } from '../../../src/common/errors';
import { addInto, copyInto } from '../ops/accumulate';
import type { GradientTarget } from './node';
import type { Recorder } from './recorder';
import type { Tensor } from './tensor';

/**
 * Which tensor holds dL/dt for each t while the reverse pass is recorded.
 *
 * A residual add gives both of its inputs the gradient of its output, so one buffer may be the gradient of several
 * values. `sharers` knows for each buffer the values whose producing node still has to read it; adding into a buffer
 * that somebody else still needs first moves the adder to a copy.
 */
export class GradientTable {
  /** Persistent gradients of trained parameters, by parameter id. They always accumulate: a window zeroes them once. */
  readonly ofParameters = new Map<number, Tensor>();
  private readonly ofValues = new Map<number, Tensor>();
  private readonly sharers = new Map<number, Set<number>>();

  constructor(
    private readonly recorder: Recorder,
    private readonly needed: ReadonlySet<number>,
  ) {}

  needs(tensor: Tensor): boolean {
    return this.needed.has(tensor.id);
  }

  has(tensor: Tensor): boolean {
    return this.ofValues.has(tensor.id);
  }

  /** The complete gradient of a value. */
  complete(tensor: Tensor): Tensor {
    const gradient = tensor.role === 'parameter' ? this.ofParameters.get(tensor.id) : this.ofValues.get(tensor.id);
    if (!gradient)
      throw problem(
        'graph.gradient',
        `Nothing depends on ${tensor.name}.`,
        'This is a defect in a model or op module.',
      );
    return gradient;
  }

  into(input: Tensor): GradientTarget {
    if (input.role === 'parameter') return { tensor: this.parameterGradient(input), accumulate: true };
    const known = this.ofValues.get(input.id);
    if (known) return { tensor: this.unshare(input, known), accumulate: true };
    const fresh = this.recorder.temp(`d_${input.name}`, input.shape);
    this.assign(input, fresh);
    return { tensor: fresh, accumulate: false };
  }

  pass(input: Tensor, gradient: Tensor): void {
    if (!this.needs(input)) return;
    if (input.role !== 'parameter' && !this.has(input)) {
      this.assign(input, gradient);
      return;
    }
    const target = this.into(input);
    addInto(this.recorder, target.tensor, gradient);
  }

  /** The node that produced these values has emitted its backward: it no longer reads their gradients. */
  consumed(outputs: readonly Tensor[]): void {
    for (const output of outputs) {
      const gradient = this.ofValues.get(output.id);
      if (gradient) this.sharers.get(gradient.id)?.delete(output.id);
    }
  }

  private assign(value: Tensor, gradient: Tensor): void {
    this.ofValues.set(value.id, gradient);
    const sharers = this.sharers.get(gradient.id) ?? new Set<number>();
    sharers.add(value.id);
    this.sharers.set(gradient.id, sharers);
  }

  private unshare(value: Tensor, gradient: Tensor): Tensor {
    const sharers = this.sharers.get(gradient.id);
    if (!sharers || sharers.size <= 1) return gradient;
    const copy = this.recorder.temp(`d_${value.name}`, value.shape);
    copyInto(this.recorder, copy, gradient);
    sharers.delete(value.id);
    this.assign(value, copy);
    return copy;
  }

  private parameterGradient(parameter: Tensor): Tensor {
    const known = this.ofParameters.get(parameter.id);
    if (known) return known;
    const gradient = this.recorder.tensor(`d_${parameter.name}`, parameter.shape, 'gradient');
    this.ofParameters.set(parameter.id, gradient);
    return gradient;
  }
}
