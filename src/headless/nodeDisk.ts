import {
  closeSync,
  fstatSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  statfsSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Disk, ScratchFile } from '../../webview/engine/runtime/scratch';

/**
 * Scratch files on the disk of `folder`, which must exist. They lose their name as soon as they are open, so the system
 * frees them with the process, however that ends.
 */
export function nodeDisk(folder: string): Disk {
  return {
    free: () => {
      const { bavail, bsize } = statfsSync(folder);
      return Promise.resolve(bavail * bsize);
    },
    create: () => Promise.resolve(scratchFile(folder)),
  };
}

function scratchFile(folder: string): ScratchFile {
  const own = mkdtempSync(join(folder, '.offloaded-'));
  let file: number;
  try {
    file = openSync(join(own, 'scratch'), 'wx+', 0o600);
  } finally {
    rmSync(own, { recursive: true, force: true });
  }
  return {
    size: () => fstatSync(file).size,
    grow: bytes => ftruncateSync(file, bytes),
    read: (into, at) => readSync(file, into, 0, into.length, at),
    write: (from, at) => writeSync(file, from, 0, from.length, at),
    close: () => closeSync(file),
  };
}
