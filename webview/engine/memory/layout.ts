import { problem } from '../../../src/common/errors';
import type { MemoryBytes, MemoryCategory } from '../../../src/common/run/events';
import { byteLength, type Tensor } from '../graph/tensor';
import { packIntervals, type Interval } from './pack';

/** Binding offsets must be multiples of this on every adapter that offers the WebGPU defaults. */
export const alignment = 256;

export interface DeviceLimits {
  readonly maxBufferSize: number;
  readonly maxStorageBufferBindingSize: number;
}

export const defaultLimits: DeviceLimits = {
  maxBufferSize: 256 * 2 ** 20,
  maxStorageBufferBindingSize: 128 * 2 ** 20,
};

/** A buffer to ask of the device. The list of these is the forecast, and exactly what the engine creates. */
export interface BufferSpec {
  readonly label: string;
  readonly category: MemoryCategory;
  readonly bytes: number;
  readonly usage: 'storage' | 'uniform' | 'readback';
}

/** Where a tensor lives: buffer index, byte offset, bytes bound (without padding). */
export interface Placement {
  readonly buffer: number;
  readonly offset: number;
  readonly bytes: number;
}

export function align(bytes: number): number {
  return Math.ceil(bytes / alignment) * alignment;
}

/** Collects buffers and placements; the only place where the engine decides about device memory. */
export class LayoutBuilder {
  readonly buffers: BufferSpec[] = [];
  readonly placements = new Map<number, Placement>();

  constructor(readonly limits: DeviceLimits) {}

  /** Lays tensors one after another in their order, opening a new buffer where one would pass the device's limit. */
  bump(label: string, category: MemoryCategory, tensors: readonly Tensor[]): void {
    let used = 0;
    let opened = 0;
    const close = () => {
      if (used > 0)
        this.buffers.push({ label: this.numbered(label, opened++), category, bytes: used, usage: 'storage' });
      used = 0;
    };
    for (const tensor of tensors) {
      const bytes = this.checkedBytes(tensor);
      if (used + align(bytes) > this.limits.maxBufferSize) close();
      this.placements.set(tensor.id, { buffer: this.buffers.length, offset: used, bytes });
      used += align(bytes);
    }
    close();
  }

  /** Lays each group of tensors over the same bytes, as many as the largest one takes. Only one is there at a time. */
  overlay(label: string, category: MemoryCategory, groups: readonly (readonly Tensor[])[]): void {
    const first = this.buffers.length;
    const sizes: number[] = [];
    for (const group of groups) {
      let buffer = 0;
      let used = 0;
      for (const tensor of group) {
        const bytes = this.checkedBytes(tensor);
        if (used > 0 && used + align(bytes) > this.limits.maxBufferSize) {
          buffer++;
          used = 0;
        }
        this.placements.set(tensor.id, { buffer: first + buffer, offset: used, bytes });
        used += align(bytes);
        sizes[buffer] = Math.max(sizes[buffer] ?? 0, used);
      }
    }
    sizes.forEach((bytes, index) =>
      this.buffers.push({ label: this.numbered(label, index), category, bytes, usage: 'storage' }),
    );
  }

  /** A second arena with the same inner layout as already placed tensors (gradients and moments beside parameters). */
  mirror(label: string, category: MemoryCategory, pairs: readonly (readonly [Tensor, Tensor])[]): void {
    const mirrored = new Map<number, number>();
    for (const [original, twin] of pairs) {
      const place = this.placements.get(original.id);
      if (!place)
        throw problem('memory.mirror', `${original.name} has no place yet.`, 'This is a defect in the planner.');
      let buffer = mirrored.get(place.buffer);
      if (buffer === undefined) {
        buffer = this.buffers.length;
        mirrored.set(place.buffer, buffer);
        this.buffers.push({
          label: `${label} ${mirrored.size}`,
          category,
          bytes: this.buffers[place.buffer].bytes,
          usage: 'storage',
        });
      }
      this.placements.set(twin.id, { ...place, buffer });
    }
  }

  /** Arena for tensors with planned lifetimes. */
  pack(label: string, category: MemoryCategory, tensors: ReadonlyMap<Tensor, { first: number; last: number }>): void {
    const intervals: Interval[] = [...tensors].map(([tensor, { first, last }]) => ({
      id: tensor.id,
      bytes: align(this.checkedBytes(tensor)),
      first,
      last,
    }));
    const packed = packIntervals(intervals, this.limits.maxBufferSize);
    const base = this.buffers.length;
    packed.bins.forEach((bytes, bin) =>
      this.buffers.push({ label: this.numbered(label, bin), category, bytes, usage: 'storage' }),
    );
    for (const tensor of tensors.keys()) {
      const slot = packed.slots.get(tensor.id);
      if (!slot) continue;
      const bytes = byteLength(tensor.shape, tensor.dtype);
      this.placements.set(tensor.id, { buffer: base + slot.bin, offset: slot.offset, bytes });
    }
  }

  /** A buffer of its own that is no storage (parameters of dispatches, read-back). Returns its index. */
  plain(label: string, category: MemoryCategory, bytes: number, usage: BufferSpec['usage']): number {
    this.buffers.push({ label, category, bytes: align(bytes), usage });
    return this.buffers.length - 1;
  }

  private numbered(label: string, index: number): string {
    return index === 0 ? label : `${label} ${index + 1}`;
  }

  private checkedBytes(tensor: Tensor): number {
    const bytes = byteLength(tensor.shape, tensor.dtype);
    const limit = Math.min(this.limits.maxStorageBufferBindingSize, this.limits.maxBufferSize);
    if (align(bytes) > limit)
      throw problem(
        'memory.binding',
        `${tensor.name} needs ${mib(bytes)} MiB in one piece, but this adapter binds at most ${mib(limit)} MiB.`,
        'Use a smaller max_length or batch size, or store the base weights as f16 (memory.quantization: f16).',
      );
    return bytes;
  }
}

function mib(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1);
}

/** Bytes by category of a list of buffers. */
export function bytesByCategory(buffers: readonly BufferSpec[]): MemoryBytes {
  const bytes: MemoryBytes = {};
  for (const buffer of buffers) bytes[buffer.category] = (bytes[buffer.category] ?? 0) + buffer.bytes;
  return bytes;
}
