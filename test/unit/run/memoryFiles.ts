import { problem } from '../../../src/common/errors';
import { decodeText, encodeText, type FileEntry, type Files } from '../../../src/runs/files';

/** Files in a map, with the disk's ways to fail. */
export class MemoryFiles implements Files {
  readonly content = new Map<string, Uint8Array>();
  /** Paths in the order in which they were written. */
  readonly written: string[] = [];
  /** While set, every write fails with this. */
  failWrites: Error | undefined;
  /** The next write to a path that matches is cut off after this many bytes, then fails. */
  tear: { readonly path: RegExp; readonly bytes: number } | undefined;
  /** Waits before a write takes effect. */
  delay: (() => Promise<void>) | undefined;

  text(path: string): string {
    return decodeText(this.content.get(path) ?? new Uint8Array());
  }

  setText(path: string, text: string): void {
    this.content.set(path, encodeText(text));
  }

  /** Paths below `folder`, sorted. */
  paths(folder = ''): string[] {
    return [...this.content.keys()].filter(path => path.startsWith(folder)).sort();
  }

  read(path: string): Promise<Uint8Array> {
    const bytes = this.content.get(path);
    return bytes ? Promise.resolve(bytes) : Promise.reject(problem('file.missing', `${path} does not exist.`, ''));
  }

  async write(path: string, bytes: Uint8Array): Promise<void> {
    await this.delay?.();
    if (this.failWrites) throw this.failWrites;
    if (this.tear?.path.test(path)) {
      this.content.set(path, bytes.slice(0, this.tear.bytes));
      this.tear = undefined;
      throw new Error('cut off');
    }
    this.written.push(path);
    this.content.set(path, bytes.slice());
  }

  async rename(from: string, to: string): Promise<void> {
    await this.remove(to);
    for (const path of this.paths(from)) {
      if (path !== from && !path.startsWith(`${from}/`)) continue;
      const bytes = this.content.get(path);
      if (bytes) this.content.set(to + path.slice(from.length), bytes);
      this.content.delete(path);
    }
  }

  remove(path: string): Promise<void> {
    for (const one of this.paths(path)) if (one === path || one.startsWith(`${path}/`)) this.content.delete(one);
    return Promise.resolve();
  }

  list(path: string): Promise<readonly FileEntry[]> {
    const prefix = path === '' ? '' : `${path}/`;
    const entries = new Map<string, boolean>();
    for (const one of this.paths(prefix)) {
      const [name, ...rest] = one.slice(prefix.length).split('/');
      entries.set(name, rest.length > 0);
    }
    return Promise.resolve([...entries].map(([name, folder]) => ({ name, folder })));
  }

  stat(path: string): Promise<{ folder: boolean; size: number } | undefined> {
    const bytes = this.content.get(path);
    if (bytes) return Promise.resolve({ folder: false, size: bytes.length });
    return Promise.resolve(this.paths(`${path}/`).length > 0 ? { folder: true, size: 0 } : undefined);
  }
}
