import type { MemoryBytes } from '../../../src/common/run/events';

/** Host arrays that stand in for device memory, counted where they are made, independently of any plan. */
export class HostMemory {
  private bytes = 0;

  /** A zeroed array of whole words. */
  allocate(bytes: number): Uint32Array<ArrayBuffer> {
    this.bytes += bytes;
    return new Uint32Array(bytes / 4);
  }

  /** Bytes in use; a category that never had any is left out. */
  measured(): MemoryBytes {
    return this.bytes === 0 ? {} : { offloadedCpu: this.bytes };
  }
}
