import { problem, ProblemError } from '../../../src/common/errors';

/** A file for what is offloaded. It belongs to one engine and goes when it is closed. Calls are synchronous. */
export interface ScratchFile {
  /** Its length in bytes. */
  size(): number;
  /** Makes it longer; the new bytes are zero. */
  grow(bytes: number): void;
  /** Reads from byte `at` on; answers how many bytes it got. */
  read(into: Uint8Array<ArrayBuffer>, at: number): number;
  /** Writes at byte `at`; answers how many bytes it took. */
  write(from: Uint8Array<ArrayBuffer>, at: number): number;
  /** Lets go of the file and removes it. */
  close(): void;
}

/** Where a platform keeps scratch files. */
export interface Disk {
  /** Bytes that can still be written; undefined when nobody knows. */
  free(): Promise<number | undefined>;
  /** A new file of length zero. Throws what the platform throws. */
  create(): Promise<ScratchFile>;
}

const MiB = 2 ** 20;
const useMemory = 'set memory.offload to cpu or none';

/**
 * Opens a scratch file of `bytes` zero bytes. Throws `disk.none` where there is no disk and
 * `disk.full` when less than these bytes and a fifth more are free: checkpoints and other programs need room too.
 */
export async function openScratch(bytes: number, disk: Disk | undefined): Promise<Scratch> {
  if (!disk) throw problem('disk.none', 'There is no disk to offload to here.', 'Set memory.offload to cpu or none.');
  try {
    const free = await disk.free();
    if (free !== undefined && free < 1.2 * bytes) throw tooFull(bytes, free);
    const file = await disk.create();
    try {
      file.grow(bytes);
    } catch (error) {
      file.close();
      throw error;
    }
    return new Scratch(file);
  } catch (error) {
    throw explained(error, 'created');
  }
}

/** A scratch file whose reads and writes are whole, and whose failures say what they mean. */
export class Scratch {
  private isOpen = true;

  constructor(private readonly file: ScratchFile) {}

  /** The length of the file. All methods throw `disk.full` or `disk.scratch`. */
  get bytes(): number {
    return attempt('read', () => this.file.size());
  }

  read(into: Uint8Array<ArrayBuffer>, at: number): void {
    whole('read', into, piece => this.file.read(piece, at + piece.byteOffset - into.byteOffset));
  }

  write(from: Uint8Array<ArrayBuffer>, at: number): void {
    whole('written', from, piece => this.file.write(piece, at + piece.byteOffset - from.byteOffset));
  }

  /** Removes the file. Whoever ends has nothing to do about a file that cannot be removed, so nothing is thrown. */
  close(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    try {
      this.file.close();
    } catch {
      // The platform removes what is left over at its next start.
    }
  }
}

type Verb = 'created' | 'read' | 'written';

/** Repeats a move that may stop short until all of `data` is through. */
function whole(verb: Verb, data: Uint8Array<ArrayBuffer>, move: (rest: Uint8Array<ArrayBuffer>) => number): void {
  for (let done = 0; done < data.length;) {
    const moved = attempt(verb, () => move(data.subarray(done)));
    if (moved <= 0) throw failed(verb, 'it ends too early');
    done += moved;
  }
}

function attempt<T>(verb: Verb, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw explained(error, verb);
  }
}

function explained(error: unknown, verb: Verb): ProblemError {
  if (error instanceof ProblemError) return error;
  const { code, name, message } = (error ?? {}) as { code?: unknown; name?: unknown; message?: unknown };
  if (code === 'ENOSPC' || code === 'EDQUOT' || name === 'QuotaExceededError')
    return problem(
      'disk.full',
      'The disk is full: what is offloaded could not be written.',
      `Free some space, or ${useMemory}; then resume from the last checkpoint.`,
    );
  return failed(verb, typeof message === 'string' ? message : String(error));
}

function failed(verb: Verb, why: string): ProblemError {
  return problem(
    'disk.scratch',
    `The file with what is offloaded could not be ${verb}: ${why}.`,
    `Resume from the last checkpoint; if it fails again, check the disk, or ${useMemory}.`,
  );
}

function tooFull(bytes: number, free: number): ProblemError {
  const mib = (count: number) => Math.ceil(count / MiB).toLocaleString('en');
  return problem(
    'disk.full',
    `Offloading takes ${mib(bytes)} MiB of disk, with a fifth more to spare ${mib(1.2 * bytes)} MiB; ` +
      `${Math.floor(free / MiB).toLocaleString('en')} MiB are free.`,
    `Free some space, or ${useMemory}.`,
  );
}
