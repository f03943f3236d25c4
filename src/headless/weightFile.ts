import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { problem } from '../common/errors';
import type { ByteSource } from '../common/protocol';
import { diskProblem } from './diskProblems';

/**
 * A weight file on disk, opened for each piece, so that nothing has to be closed. `name` is for people.
 * @throws what `diskProblem` makes of the system's errors; a slice throws `file.changed` when the size is another one.
 */
export function weightFile(path: string, name: string): ByteSource {
  const { size } = explained(name, () => statSync(path));
  return { size, slice: (begin, end) => explained(name, () => readRange(path, { name, size, begin, end })) };
}

interface Range {
  readonly name: string;
  readonly size: number;
  readonly begin: number;
  readonly end: number;
}

function readRange(path: string, { name, size, begin, end }: Range): Uint8Array {
  const file = openSync(path, 'r');
  try {
    const bytes = new Uint8Array(end - begin);
    let done = 0;
    for (let got = -1; done < bytes.length && got !== 0; done += got)
      got = readSync(file, bytes, done, bytes.length - done, begin + done);
    if (fstatSync(file).size === size && done === bytes.length) return bytes;
  } finally {
    closeSync(file);
  }
  throw problem('file.changed', `${name} has changed while it was being read.`, 'Start the run again.');
}

function explained<T>(name: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw diskProblem(error, name);
  }
}
