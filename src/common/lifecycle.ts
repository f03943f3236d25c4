/** Anything with an end. Structurally the same as `vscode.Disposable`. */
export interface Disposable {
  dispose(): void;
}

/** Owns what it is given, from the line that creates it, and ends it in reverse order. */
export class DisposableStore implements Disposable {
  private readonly items: Disposable[] = [];
  private ended = false;

  /** Registers and returns `item`; after `dispose` it is ended at once, so nothing leaks late. */
  add<T extends Disposable>(item: T): T {
    if (this.ended) item.dispose();
    else this.items.push(item);
    return item;
  }

  dispose(): void {
    this.ended = true;
    while (this.items.length > 0) this.items.pop()?.dispose();
  }
}

/** A listener list with the shape of `vscode.Event`, usable where `vscode` is not. */
export class Emitter<T> implements Disposable {
  private readonly listeners = new Set<(value: T) => void>();

  readonly event = (listener: (value: T) => void): Disposable => {
    this.listeners.add(listener);
    return { dispose: () => this.listeners.delete(listener) };
  };

  fire(value: T): void {
    for (const listener of [...this.listeners]) listener(value);
  }

  dispose(): void {
    this.listeners.clear();
  }
}
