import { problem } from '../../../src/common/errors';
import type { MemoryBytes } from '../../../src/common/run/events';
import { mostPiece } from '../memory/hostPlan';
import { align } from '../memory/layout';
import type { Scratch } from './scratch';

/** Where something waits that is not on the device. */
export type Place = 'cpu' | 'disk';

export type Words = Uint32Array<ArrayBuffer>;

/**
 * A stretch of words off the device, at first zero. Offsets and counts are in words of four bytes. On a disk every
 * method throws `disk.full` or `disk.scratch`.
 */
export interface HostBlock {
  readonly words: number;
  /** Fills `into` with the words from `from` on. */
  read(from: number, into: Words): void;
  write(from: number, data: Words): void;
  /**
   * Passes all words on, or the first `count`, in order and in one or several pieces: `data` stands at word `from` and is
   * valid until the next piece of any block. Costs no memory of its own.
   */
  each(visit: (data: Words, from: number) => void, count?: number): void;
}

/** Memory of the host that stands in for device memory, counted where it is made, independently of any plan. */
export class HostMemory {
  private bytes = 0;
  private onDisk = 0;
  /** What blocks on disk are read through. */
  private bounce: Words = new Uint32Array(0);

  /** `scratch`: the file of the blocks on disk, which this then owns. */
  constructor(private readonly scratch?: Scratch) {}

  /** A block of whole words. */
  allocate(bytes: number, place: Place): HostBlock {
    if (place === 'disk') return this.diskBlock(bytes);
    this.bytes += bytes;
    return new ArrayBlock(new Uint32Array(bytes / 4));
  }

  /** Bytes in use; a category that never had any is left out. */
  measured(): MemoryBytes {
    const inMemory = this.bytes + this.bounce.byteLength;
    return {
      ...(inMemory > 0 ? { offloadedCpu: inMemory } : {}),
      ...(this.onDisk > 0 ? { offloadedDisk: this.onDisk } : {}),
    };
  }

  /** Removes the file of the blocks on disk. */
  dispose(): void {
    this.scratch?.close();
  }

  private diskBlock(bytes: number): HostBlock {
    const { scratch } = this;
    const at = this.onDisk;
    this.onDisk += align(bytes);
    if (!scratch || this.onDisk > scratch.bytes)
      throw problem('engine.host', 'A block on disk was not planned.', 'This is a defect in the planner.');
    const piece = Math.min(bytes, mostPiece);
    if (piece > this.bounce.byteLength) this.bounce = new Uint32Array(piece / 4);
    return new DiskBlock(scratch, { at, words: bytes / 4 }, () => this.bounce);
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

  each(visit: (data: Words, from: number) => void, count = this.words): void {
    visit(this.data.subarray(0, count), 0);
  }
}

/** A range of the scratch file. */
class DiskBlock implements HostBlock {
  constructor(
    private readonly scratch: Scratch,
    private readonly range: { readonly at: number; readonly words: number },
    private readonly bounce: () => Words,
  ) {}

  get words(): number {
    return this.range.words;
  }

  read(from: number, into: Words): void {
    this.scratch.read(bytesOf(into), this.range.at + from * 4);
  }

  write(from: number, data: Words): void {
    if (from + data.length > this.words)
      throw problem('engine.host', 'More is written than a block holds.', 'This is a defect in the engine.');
    this.scratch.write(bytesOf(data), this.range.at + from * 4);
  }

  each(visit: (data: Words, from: number) => void, count = this.words): void {
    const buffer = this.bounce();
    for (let from = 0; from < count; from += buffer.length) {
      const piece = buffer.subarray(0, Math.min(buffer.length, count - from));
      this.read(from, piece);
      visit(piece, from);
    }
  }
}

function bytesOf(words: Words): Uint8Array<ArrayBuffer> {
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
}
