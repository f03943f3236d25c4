import type { ParameterSpec } from '../graph/builder';
import { byteLength, type Tensor } from '../graph/tensor';
import type { Place } from '../runtime/hostMemory';
import type { HostRequest } from './hostPlan';
import type { LayoutBuilder } from './layout';
import type { TrainableRange } from './trainables';

/** Weights that come to the device together and take turns with others in one slot. */
export interface StreamUnit {
  /** For people, e.g. `block 3`. */
  readonly name: string;
  readonly slot: number;
  readonly tensors: readonly Tensor[];
  /** Those of the tensors that train: they go back off the device when they have changed there. */
  readonly trained: readonly Tensor[];
  /** Bytes that come: the tensors alone, without padding. */
  readonly bytes: number;
}

export interface StreamPlan {
  /** Where the weights wait. */
  readonly place: Place;
  readonly units: readonly StreamUnit[];
  /** Unit by the id of a tensor, or of a range of trained ones. */
  readonly unitOf: ReadonlyMap<number, StreamUnit>;
}

/** One slot computes while the other takes the next block. */
const blockSlots = 2;

/** Whether a weight can live on the host between uses: a base matrix. */
export function isStreamed(spec: ParameterSpec): boolean {
  return spec.turn !== undefined && spec.category === 'weights';
}

/**
 * Gives the blocks' matrices two slots on the device, for even and for odd blocks, and the parts of tables one. Everything small (norms, biases, adapters) stays. DeepSpeed keeps small tensors too (ZeRO's
 * `param_persistence_threshold`).
 */
export function layOutStreams(layout: LayoutBuilder, specs: readonly ParameterSpec[], place: Place): StreamPlan {
  const units = [...blockUnits(specs), ...tableUnits(specs)];
  for (const slot of new Set(units.map(unit => unit.slot))) {
    const label = slot < blockSlots ? `block slot ${slot + 1}` : 'table slot';
    const takers = units.filter(unit => unit.slot === slot).map(({ tensors }) => tensors);
    layout.overlay(label, 'weights', takers);
  }
  return { place, units, unitOf: new Map(units.flatMap(unit => unit.tensors.map(({ id }) => [id, unit]))) };
}

function blockUnits(specs: readonly ParameterSpec[]): StreamUnit[] {
  const blocks = new Map<number, ParameterSpec[]>();
  for (const spec of specs) {
    const { turn } = spec;
    if (typeof turn === 'object') blocks.set(turn.block, [...(blocks.get(turn.block) ?? []), spec]);
  }
  const order = [...blocks].sort(([a], [b]) => a - b);
  return order.map(([block, members], index) => unitOf(`block ${block}`, index % blockSlots, members));
}

function tableUnits(specs: readonly ParameterSpec[]): StreamUnit[] {
  return specs.flatMap(spec => (spec.turn === 'table' ? [unitOf(spec.tensor.name, blockSlots, [spec])] : []));
}

function unitOf(name: string, slot: number, members: readonly ParameterSpec[]): StreamUnit {
  const tensors = members.map(({ tensor }) => tensor);
  const trained = members.filter(({ trainable }) => trainable).map(({ tensor }) => tensor);
  return { name, slot, tensors, trained, bytes: bytesOf(tensors) };
}

/** Bytes of tensors alone, without padding. */
export function bytesOf(tensors: readonly Tensor[]): number {
  return tensors.reduce((sum, { shape, dtype }) => sum + byteLength(shape, dtype), 0);
}

/** The plan with the units of ranges too, which the optimizer works on: a range never reaches from one unit into another. */
export function withRanges(plan: StreamPlan, ranges: readonly TrainableRange[]): StreamPlan {
  const unitOf = new Map(plan.unitOf);
  for (const { parameter, members } of ranges) {
    const unit = plan.unitOf.get(members[0].tensor.id);
    if (unit) unitOf.set(parameter.id, unit);
  }
  return { ...plan, unitOf };
}

/** What the units take off the device: a block for each tensor. */
export function hostRequests({ units, place }: StreamPlan): HostRequest[] {
  return units.flatMap(({ tensors }) =>
    tensors.map(({ shape, dtype }) => ({ place, bytes: byteLength(shape, dtype) })),
  );
}
