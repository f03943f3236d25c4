import { problem, ProblemError } from '../common/errors';

const explanations: Readonly<Record<string, readonly [code: string, what: string, hint: string]>> = {
  ENOENT: ['file.missing', 'does not exist', 'Check the path; paths in a config are relative to it.'],
  EISDIR: ['file.folder', 'is a folder, not a file', 'Name a file in it.'],
  ENOTDIR: ['file.missing', 'does not exist: a part of the path is a file', 'Check the path.'],
  EACCES: ['file.denied', 'may not be read or written', 'Check the permissions of the file and its folder.'],
  EPERM: ['file.denied', 'may not be read or written', 'Check the permissions of the file and its folder.'],
  EROFS: ['file.denied', 'is on a disk that cannot be written', 'Name a writable folder with --out.'],
  ENOSPC: [
    'disk.full',
    'could not be written: the disk is full',
    'Free some space, then resume with --resume CHECKPOINT.',
  ],
  EDQUOT: [
    'disk.full',
    'could not be written: the quota is used up',
    'Free some space, then resume with --resume CHECKPOINT.',
  ],
  ERR_FS_FILE_TOO_LARGE: ['file.tooLarge', 'is larger than 2 GiB', 'Split it and train on a part.'],
};

/** Says what a failed operation of node's file system means for `what` (a path, or a key and a path). */
export function diskProblem(error: unknown, what: string): ProblemError {
  if (error instanceof ProblemError) return error;
  const known = explanations[(error as NodeJS.ErrnoException).code ?? ''];
  if (known) return problem(known[0], `${what} ${known[1]}.`, known[2]);
  const text = error instanceof Error ? error.message : String(error);
  return problem('file.failed', `${what}: ${text}`, 'Check that the disk works.');
}
