import { tmpdir } from 'node:os';
import { nodeDisk } from '../../src/headless/nodeDisk';
import type { Disk, ScratchFile } from '../../webview/engine/runtime/scratch';

export interface WatchedDisk extends Disk {
  /** Files that are open now. */
  readonly open: number;
  /** Files made so far. */
  readonly made: number;
  /** Where the last byte that was written or asked for stands, over all files. */
  readonly end: number;
}

/** What a disk does wrong: asked before each call, it throws, or says how many bytes to move at most. */
export type Fault = (call: 'create' | 'grow' | 'read' | 'write', calls: number) => number | undefined;

/** Real files in the system's temporary folder, counted where they are used; `fault` breaks them. */
export function watchedDisk(fault: Fault = () => undefined): WatchedDisk {
  const disk = nodeDisk(tmpdir());
  const seen = { open: 0, made: 0, end: 0 };
  let calls = 0;
  const watched = (file: ScratchFile): ScratchFile => ({
    size: () => file.size(),
    grow: bytes => {
      fault('grow', ++calls);
      seen.end = Math.max(seen.end, bytes);
      file.grow(bytes);
    },
    read: (into, at) => file.read(into.subarray(0, fault('read', ++calls)), at),
    write: (from, at) => {
      const moved = file.write(from.subarray(0, fault('write', ++calls)), at);
      seen.end = Math.max(seen.end, at + moved);
      return moved;
    },
    close: () => {
      seen.open--;
      file.close();
    },
  });
  return {
    get open() {
      return seen.open;
    },
    get made() {
      return seen.made;
    },
    get end() {
      return seen.end;
    },
    free: () => disk.free(),
    create: async () => {
      fault('create', ++calls);
      seen.open++;
      seen.made++;
      return watched(await disk.create());
    },
  };
}
