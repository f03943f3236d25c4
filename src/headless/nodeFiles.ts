import { cp, mkdir, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { FileEntry, Files } from '../runs/files';
import { diskProblem } from './diskProblems';

/** {@link Files} under the folder `root` of this machine's disk. */
export function nodeFiles(root: string): Files {
  const at = (path: string) => join(root, path);
  return {
    read: path => explained(path, async () => new Uint8Array(await readFile(at(path)))),
    write: (path, bytes) =>
      explained(path, async () => {
        await mkdir(dirname(at(path)), { recursive: true });
        await writeFile(at(path), bytes);
      }),
    rename: (from, to) =>
      explained(to, async () => {
        await rm(at(to), { recursive: true, force: true });
        await mkdir(dirname(at(to)), { recursive: true });
        await rename(at(from), at(to)).catch(() => moveAcross(at(from), at(to)));
      }),
    remove: path => explained(path, () => rm(at(path), { recursive: true, force: true })),
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

async function explained<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw diskProblem(error, path);
  }
}
