import { cp, mkdir, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { problem } from '../common/errors';
import type { FileEntry, Files } from '../runs/files';

/** {@link Files} under the folder `root` of this machine's disk. */
export function nodeFiles(root: string): Files {
  const at = (path: string) => join(root, path);
  return {
    read: async path => new Uint8Array(await orMissing(path, readFile(at(path)))),
    write: async (path, bytes) => {
      await mkdir(dirname(at(path)), { recursive: true });
      await writeFile(at(path), bytes);
    },
    rename: async (from, to) => {
      await rm(at(to), { recursive: true, force: true });
      await mkdir(dirname(at(to)), { recursive: true });
      await rename(at(from), at(to)).catch(() => moveAcross(at(from), at(to)));
    },
    remove: path => rm(at(path), { recursive: true, force: true }),
    list: async (path): Promise<FileEntry[]> => {
      const entries = await readdir(at(path), { withFileTypes: true }).catch(() => []);
      return entries.map(entry => ({ name: entry.name, folder: entry.isDirectory() }));
    },
    stat: async path => {
      const found = await stat(at(path)).catch(() => undefined);
      return found && { folder: found.isDirectory(), size: found.size };
    },
  };
}

/** A rename between file systems is a copy. */
async function moveAcross(from: string, to: string): Promise<void> {
  await cp(from, to, { recursive: true });
  await rm(from, { recursive: true, force: true });
}

async function orMissing<T>(path: string, reading: Promise<T>): Promise<T> {
  try {
    return await reading;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      throw problem('file.missing', `${path} does not exist.`, 'Check the path; paths in a config are relative to it.');
    throw error;
  }
}
