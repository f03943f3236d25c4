/**
 * The few file operations that runs need. Paths are relative to a root that only the implementation knows, with `/`
 * between segments: `vscode.workspace.fs` in both extension hosts, `node:fs` headless, a map in tests.
 */
export interface Files {
  /** Throws a problem with code `file.missing` if there is no such file. */
  read(path: string): Promise<Uint8Array>;
  /** Creates missing parents and replaces what is there. */
  write(path: string, bytes: Uint8Array): Promise<void>;
  /** Moves a file or folder; an existing target is replaced. */
  rename(from: string, to: string): Promise<void>;
  /** Removes a file or a whole folder; one that is missing is fine. */
  remove(path: string, options?: { readonly trash: boolean }): Promise<void>;
  /** The entries of a folder; none if it is missing. */
  list(path: string): Promise<readonly FileEntry[]>;
  /** `undefined` if there is nothing at `path`. */
  stat(path: string): Promise<FileStat | undefined>;
}

export interface FileEntry {
  readonly name: string;
  readonly folder: boolean;
}

export interface FileStat {
  readonly folder: boolean;
  readonly size: number;
}

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** Joins segments; empty ones disappear. */
export function joinPath(...segments: readonly string[]): string {
  return segments.filter(segment => segment !== '').join('/');
}

/** UTF-8; bytes that are not become replacement characters. */
export function decodeText(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

export function encodeText(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Whether `name` is a relative path that stays in its folder, as the names of a `FileSet` must be. */
export function staysInside(name: string): boolean {
  if (name === '' || name.includes('\\') || name.includes('\0') || /^[a-z]+:/i.test(name)) return false;
  return name.split('/').every(segment => segment !== '' && segment !== '.' && segment !== '..');
}
