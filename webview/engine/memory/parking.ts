import type { Parked } from '../graph/park';
import { byteLength, type Tensor } from '../graph/tensor';
import type { Place } from '../runtime/hostMemory';
import type { HostRequest } from './hostPlan';
import type { LayoutBuilder } from './layout';

/** Room for values that wait off the device, and the staging buffers they leave the device through. */
export interface ParkingPlan {
  /** Where they wait. */
  readonly place: Place;
  /** The values of the longest stream; shorter ones use the same rooms. */
  readonly tensors: readonly Tensor[];
  /** Indices of the staging buffers, all of one size. */
  readonly ring: readonly number[];
}

/** One is filled by the device while the host empties the other. */
const ringSlots = 2;
/** Longer values leave in pieces of this many bytes. */
const mostSlotBytes = 4 * 2 ** 20;

export function layOutParking(layout: LayoutBuilder, parked: readonly Parked[], place: Place): ParkingPlan | undefined {
  if (parked.length === 0) return undefined;
  const tensors = parked.map(({ tensor }) => tensor);
  const slot = Math.min(mostSlotBytes, Math.max(...tensors.map(bytesOf)));
  const ring = Array.from({ length: ringSlots }, (_, index) =>
    layout.plain(`activation read-back ${index + 1}`, 'staging', slot, 'readback'),
  );
  return { place, tensors, ring };
}

/** What the values take off the device: a block each. */
export function parkingRequests({ place, tensors }: ParkingPlan): HostRequest[] {
  return tensors.map(tensor => ({ place, bytes: bytesOf(tensor) }));
}

function bytesOf({ shape, dtype }: Tensor): number {
  return byteLength(shape, dtype);
}
