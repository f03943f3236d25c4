import type { ParameterSpec } from '../graph/builder';
import { byteLength, type Tensor } from '../graph/tensor';
import type { LayoutBuilder } from './layout';

/** Weights that come to the device together and take turns with others in one slot. */
export interface StreamUnit {
  /** For people, e.g. `block 3`. */
  readonly name: string;
  readonly slot: number;
  readonly tensors: readonly Tensor[];
  /** Bytes on the host: the tensors alone, without padding. */
  readonly bytes: number;
}

export interface StreamPlan {
  readonly units: readonly StreamUnit[];
  /** Unit by tensor id. */
  readonly unitOf: ReadonlyMap<number, StreamUnit>;
}

/** One slot computes while the other takes the next block. */
const slots = 2;

/** Whether a weight can live on the host between uses: a frozen matrix of a transformer block. */
export function isStreamed(spec: ParameterSpec): boolean {
  return spec.block !== undefined && spec.category === 'weights' && !spec.trainable;
}

/**
 * Gives the blocks' frozen matrices two slots on the device, for even and for odd blocks. Everything small (norms,
 * biases, adapters) stays. DeepSpeed keeps small tensors too (ZeRO's `param_persistence_threshold`).
 */
export function layOutStreams(layout: LayoutBuilder, specs: readonly ParameterSpec[]): StreamPlan {
  const blocks = new Map<number, Tensor[]>();
  for (const { block, tensor } of specs)
    if (block !== undefined) blocks.set(block, [...(blocks.get(block) ?? []), tensor]);
  const order = [...blocks].sort(([a], [b]) => a - b);
  const units = order.map(([block, tensors], index) => ({
    name: `block ${block}`,
    slot: index % slots,
    tensors,
    bytes: tensors.reduce((sum, { shape, dtype }) => sum + byteLength(shape, dtype), 0),
  }));
  for (let slot = 0; slot < slots; slot++)
    layout.overlay(
      `block slot ${slot + 1}`,
      'weights',
      units.filter(unit => unit.slot === slot).map(({ tensors }) => tensors),
    );
  return { units, unitOf: new Map(units.flatMap(unit => unit.tensors.map(({ id }) => [id, unit]))) };
}

/** Bytes that the units take on the host. */
export function hostBytes({ units }: StreamPlan): number {
  return units.reduce((sum, { bytes }) => sum + bytes, 0);
}
