import { problem } from '../../src/common/errors';
import type { ByteSource, FileBlob, ModelFiles, WeightFile } from '../../src/common/protocol';

/** Bytes of a blob from `begin` to before `end`, at once. */
export type ReadBlob = (blob: FileBlob, begin: number, end: number) => Uint8Array;

/** A model whose weights came as blobs, with files to read in pieces. */
export function withReadableWeights(model: ModelFiles, read: ReadBlob): ModelFiles {
  return { ...model, weights: model.weights.map(file => readable(file, read)) };
}

function readable(file: WeightFile, read: ReadBlob): WeightFile {
  return 'blob' in file ? { name: file.name, source: blobSource(file.name, file.blob, read) } : file;
}

function blobSource(name: string, blob: FileBlob, read: ReadBlob): ByteSource {
  return {
    size: blob.size,
    slice: (begin, end) => {
      const bytes = attempt(name, () => read(blob, begin, end));
      if (bytes.length !== end - begin) throw unreadable(name, `it ends at byte ${begin + bytes.length}`);
      return bytes;
    },
  };
}

function attempt(name: string, read: () => Uint8Array): Uint8Array {
  try {
    return read();
  } catch (error) {
    throw unreadable(name, error instanceof Error ? error.message : String(error));
  }
}

function unreadable(name: string, reason: string) {
  return problem('model.unreadable', `${name} could not be read: ${reason}.`, 'Reload the window and start again.');
}
