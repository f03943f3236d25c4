import type { ParameterSpec } from '../graph/builder';
import { byteLength, type Tensor } from '../graph/tensor';
import type { Place } from '../runtime/hostMemory';
import type { HostRequest } from './hostPlan';
import type { LayoutBuilder } from './layout';

/** Weights that come to the device together and take turns with others in one slot. */
export interface StreamUnit {
  /** For people, e.g. `block 3`. */
  readonly name: string;
  readonly slot: number;
  readonly tensors: readonly Tensor[];
  /** Bytes that move: the tensors alone, without padding. */
  readonly bytes: number;
}

export interface StreamPlan {
  /** Where the weights wait. */
  readonly place: Place;
  readonly units: readonly StreamUnit[];
  /** Unit by tensor id. */
  readonly unitOf: ReadonlyMap<number, StreamUnit>;
}

/** One slot computes while the other takes the next block. */
const blockSlots = 2;

/** Whether a weight can live on the host between uses: a frozen base matrix. */
export function isStreamed(spec: ParameterSpec): boolean {
  return spec.turn !== undefined && spec.category === 'weights' && !spec.trainable;
}

/**
 * Gives the blocks' frozen matrices two slots on the device, for even and for odd blocks, and the parts of frozen tables
 * one. Everything small (norms, biases, adapters) stays. DeepSpeed keeps small tensors too (ZeRO's
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
  const blocks = new Map<number, Tensor[]>();
  for (const { turn, tensor } of specs)
    if (typeof turn === 'object') blocks.set(turn.block, [...(blocks.get(turn.block) ?? []), tensor]);
  const order = [...blocks].sort(([a], [b]) => a - b);
  return order.map(([block, tensors], index) => unitOf(`block ${block}`, index % blockSlots, tensors));
}

function tableUnits(specs: readonly ParameterSpec[]): StreamUnit[] {
  return specs.flatMap(({ turn, tensor }) => (turn === 'table' ? [unitOf(tensor.name, blockSlots, [tensor])] : []));
}

function unitOf(name: string, slot: number, tensors: readonly Tensor[]): StreamUnit {
  return { name, slot, tensors, bytes: tensors.reduce((sum, { shape, dtype }) => sum + byteLength(shape, dtype), 0) };
}

/** What the units take off the device: a block for each tensor. */
export function hostRequests({ units, place }: StreamPlan): HostRequest[] {
  return units.flatMap(({ tensors }) =>
    tensors.map(({ shape, dtype }) => ({ place, bytes: byteLength(shape, dtype) })),
  );
}
