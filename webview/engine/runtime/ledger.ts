import { memoryCategories, type MemoryBytes, type MemoryCategory } from '../../../src/common/run/events';

export interface Ledger {
  /** Bytes of live buffers by category; buffers without a category in their label count as `staging`. */
  measured(): MemoryBytes;
}

/**
 * Counts what is really asked of the device, independently of any plan: wraps `createBuffer` and each buffer's
 * `destroy`. The category is the part of the label before the colon.
 */
export function countBuffers(device: GPUDevice): Ledger {
  const live = new Map<GPUBuffer, { category: MemoryCategory; bytes: number }>();
  const create = device.createBuffer.bind(device);
  device.createBuffer = descriptor => {
    const buffer = create(descriptor);
    const destroy = buffer.destroy.bind(buffer);
    live.set(buffer, { category: categoryOf(descriptor.label), bytes: buffer.size });
    buffer.destroy = () => {
      live.delete(buffer);
      return destroy();
    };
    return buffer;
  };
  return {
    measured: () => {
      const bytes: MemoryBytes = {};
      for (const entry of live.values()) bytes[entry.category] = (bytes[entry.category] ?? 0) + entry.bytes;
      return bytes;
    },
  };
}

function categoryOf(label: string | undefined): MemoryCategory {
  const prefix = label?.split(':')[0] ?? '';
  return memoryCategories.find(category => category === prefix) ?? 'staging';
}
