import type { ByteSource } from '../../../src/common/protocol';

/** A file whose bytes are all in memory. Slices share them. */
export function inMemory(bytes: Uint8Array): ByteSource {
  return { size: bytes.length, slice: (begin, end) => bytes.subarray(begin, end) };
}
