import { problem } from '../common/errors';
import type { FileSet } from '../common/run/events';
import { decodeText, encodeText, joinPath, staysInside, type Files } from './files';
import { comparable, contentHash } from './hash';

/** Sizes and hashes of a folder's files; written last, so a folder without it is not complete. */
const indexName = 'files.json';

/**
 * Writes a folder under a temporary name and renames it, so that `folder` is either complete or absent.
 *
 * @throws a problem `files.badName` if a name leaves the folder.
 */
export async function writeFileSet(files: Files, folder: string, set: FileSet): Promise<void> {
  const partial = `${folder}.partial`;
  await files.remove(partial);
  const index: Record<string, { size: number; hash: string }> = {};
  for (const [name, bytes] of Object.entries(set)) {
    if (!staysInside(name) || name === indexName) {
      throw problem('files.badName', `"${name}" is not a file name inside ${folder}.`, 'Report this as a bug.');
    }
    await files.write(joinPath(partial, name), bytes);
    index[name] = { size: bytes.length, hash: await contentHash([bytes]) };
  }
  await files.write(joinPath(partial, indexName), encodeText(JSON.stringify(index, undefined, 2) + '\n'));
  await files.rename(partial, folder);
}

/** Reads a folder that {@link writeFileSet} wrote. Throws `files.damaged` if anything is missing or has changed. */
export async function readFileSet(files: Files, folder: string): Promise<FileSet> {
  const index = await readIndex(files, folder);
  const set: Record<string, Uint8Array> = {};
  for (const [name, { size, hash }] of index) {
    const bytes = await files.read(joinPath(folder, name)).catch(() => undefined);
    if (!bytes) throw damaged(folder, `${name} is missing`);
    if (bytes.length !== size) throw damaged(folder, `${name} has ${bytes.length} bytes instead of ${size}`);
    const found = await contentHash([bytes]);
    if (comparable(found, hash) && found !== hash) throw damaged(folder, `${name} has changed since it was written`);
    set[name] = bytes;
  }
  return set;
}

async function readIndex(files: Files, folder: string): Promise<[string, { size: number; hash: string }][]> {
  let index: unknown;
  try {
    index = JSON.parse(decodeText(await files.read(joinPath(folder, indexName))));
  } catch {
    throw damaged(folder, `its list of files, ${indexName}, is missing or unreadable`);
  }
  if (typeof index !== 'object' || index === null) throw damaged(folder, `${indexName} is not a list of files`);
  return Object.entries(index as Record<string, unknown>).map(([name, value]) => {
    const { size, hash } = (value ?? {}) as { size?: unknown; hash?: unknown };
    if (!staysInside(name) || typeof size !== 'number' || typeof hash !== 'string') {
      throw damaged(folder, `${indexName} has a bad entry for "${name}"`);
    }
    return [name, { size, hash }];
  });
}

function damaged(folder: string, what: string) {
  return problem(
    'files.damaged',
    `${folder} cannot be used: ${what}.`,
    'An earlier checkpoint is used if there is one.',
  );
}
