import type { MemoryBytes } from '../../../src/common/run/events';

/** Where something waits that is not on the device. */
export type Place = 'cpu' | 'disk';

export type Words = Uint32Array<ArrayBuffer>;

/** A stretch of words off the device, at first zero. Offsets and counts are in words of four bytes. */
export interface HostBlock {
  readonly words: number;
  /** Fills `into` with the words from `from` on. */
  read(from: number, into: Words): void;
  write(from: number, data: Words): void;
  /**
   * Passes all words on, in order and in one or several pieces: `data` stands at word `from` and is valid until the
   * next piece. Costs no memory of its own.
   */
  each(visit: (data: Words, from: number) => void): void;
}

/** Memory of the host that stands in for device memory, counted where it is made, independently of any plan. */
export class HostMemory {
  private bytes = 0;

  /** A block of whole words. */
  allocate(bytes: number): HostBlock {
    this.bytes += bytes;
    return new ArrayBlock(new Uint32Array(bytes / 4));
  }

  /** Bytes in use; a category that never had any is left out. */
  measured(): MemoryBytes {
    return this.bytes === 0 ? {} : { offloadedCpu: this.bytes };
  }
}

class ArrayBlock implements HostBlock {
  constructor(private readonly data: Words) {}

  get words(): number {
    return this.data.length;
  }

  read(from: number, into: Words): void {
    into.set(this.data.subarray(from, from + into.length));
  }

  write(from: number, data: Words): void {
    this.data.set(data, from);
  }

  each(visit: (data: Words, from: number) => void): void {
    visit(this.data, 0);
  }
}
