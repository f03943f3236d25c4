import type { Disk, ScratchFile } from '../engine/runtime/scratch';

const folderName = 'offloaded';
const lockName = 'peft-workbench offloaded';

/**
 * Scratch files in the browser's private file system. A file in use is locked by the browser until its worker ends, so
 * what can be removed was left over by one that was killed.
 */
export class OpfsDisk implements Disk {
  constructor(
    private readonly storage: StorageManager,
    private readonly locks: LockManager,
  ) {}

  async free(): Promise<number | undefined> {
    const { quota, usage } = await this.storage.estimate();
    return quota === undefined || usage === undefined ? undefined : quota - usage;
  }

  create(): Promise<ScratchFile> {
    return this.alone(async folder => {
      const name = crypto.randomUUID();
      const entry = await folder.getFileHandle(name, { create: true });
      return scratchFile(await entry.createSyncAccessHandle(), () => folder.removeEntry(name));
    });
  }

  /** Removes files that killed workers left over; where nothing can be stored there are none. */
  async tidy(): Promise<void> {
    await this.alone(() => Promise.resolve()).catch(() => undefined);
  }

  /** Between the birth of a file and its lock nobody else may tidy up. */
  private async alone<T>(work: (folder: FileSystemDirectoryHandle) => Promise<T>): Promise<T> {
    return this.locks.request(lockName, async () => {
      const root = await this.storage.getDirectory();
      const folder = await root.getDirectoryHandle(folderName, { create: true });
      for await (const name of folder.keys()) await folder.removeEntry(name).catch(() => undefined);
      return work(folder);
    });
  }
}

function scratchFile(handle: FileSystemSyncAccessHandle, remove: () => Promise<void>): ScratchFile {
  return {
    size: () => handle.getSize(),
    grow: bytes => handle.truncate(bytes),
    read: (into, at) => handle.read(into, { at }),
    write: (from, at) => handle.write(from, { at }),
    close: () => {
      // The room is free at once; the entry goes a moment later.
      handle.truncate(0);
      handle.close();
      void remove().catch(() => undefined);
    },
  };
}
