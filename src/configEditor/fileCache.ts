import * as vscode from 'vscode';

interface Cached {
  readonly stamp: string;
  readonly value: unknown;
}

/** Results read from files, kept until modification time or size change. */
export class FileCache {
  private readonly known = new Map<string, Cached>();

  /** What is at `uri`, or undefined if there is nothing. */
  async typeOf(uri: vscode.Uri): Promise<vscode.FileType | undefined> {
    return (await this.stat(uri))?.type;
  }

  async sizeOf(uri: vscode.Uri): Promise<number | undefined> {
    return (await this.stat(uri))?.size;
  }

  /**
   * `make` of the bytes of each file (undefined for those that do not exist), anew only when one of them has changed.
   * `purpose` tells apart different results from the same files, `variant` what else a result depends on. Failures are kept too.
   */
  async get<T>(
    uris: readonly vscode.Uri[],
    { purpose, variant = '' }: { readonly purpose: string; readonly variant?: string },
    make: (files: readonly (Uint8Array | undefined)[]) => T,
  ): Promise<T> {
    const stats = await Promise.all(uris.map(uri => this.stat(uri)));
    const key = `${purpose} ${uris.join(' ')}`;
    const stamp = [variant, ...stats.map(stat => (stat === undefined ? '-' : `${stat.mtime}/${stat.size}`))].join(' ');
    const cached = this.known.get(key);
    if (cached?.stamp === stamp) return settle<T>(cached.value as Result<T>);
    const files = await Promise.all(
      uris.map(async (uri, index) => (stats[index] ? await vscode.workspace.fs.readFile(uri) : undefined)),
    );
    const result = attempt(() => make(files));
    this.known.set(key, { stamp, value: result });
    return settle(result);
  }

  private async stat(uri: vscode.Uri): Promise<vscode.FileStat | undefined> {
    try {
      return await vscode.workspace.fs.stat(uri);
    } catch {
      return undefined;
    }
  }
}

type Result<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: unknown };

function attempt<T>(work: () => T): Result<T> {
  try {
    return { ok: true, value: work() };
  } catch (error) {
    return { ok: false, error };
  }
}

function settle<T>(result: Result<T>): T {
  if (result.ok) return result.value;
  throw result.error;
}
