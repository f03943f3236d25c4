import type { MemoryBytes } from '../../../src/common/run/events';
import type { Place } from '../runtime/hostMemory';
import { align } from './layout';

/** A block of memory off the device that a plan asks for; `bytes` are whole words. */
export interface HostRequest {
  readonly place: Place;
  readonly bytes: number;
}

/** A disk is read in pieces of at most this, through one buffer in host memory. */
export const mostPiece = 4 * 2 ** 20;

/**
 * Bytes that the requests take. A block on disk starts at a multiple of 256; the buffer it is read through is as long
 * as the largest one, up to `mostPiece`, and lies in host memory.
 */
export function hostBytes(requests: readonly HostRequest[]): MemoryBytes {
  let [cpu, disk, bounce] = [0, 0, 0];
  for (const { place, bytes } of requests)
    if (place === 'cpu') cpu += bytes;
    else {
      disk += align(bytes);
      bounce = Math.max(bounce, Math.min(bytes, mostPiece));
    }
  return {
    ...(cpu + bounce > 0 ? { offloadedCpu: cpu + bounce } : {}),
    ...(disk > 0 ? { offloadedDisk: disk } : {}),
  };
}
