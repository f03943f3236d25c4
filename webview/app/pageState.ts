import { Emitter, type Disposable } from '../../src/common/lifecycle';

/** The one state of a page. A burst of changes is announced once, before the next frame. */
export class PageState<T extends object> implements Disposable {
  private readonly changed = new Emitter<T>();
  private isScheduled = false;
  readonly onDidChange = this.changed.event;

  /** `schedule` runs its callback before the next frame. */
  constructor(
    private state: T,
    private readonly schedule: (callback: () => void) => void,
  ) {}

  get current(): T {
    return this.state;
  }

  set(change: Partial<T>): void {
    this.state = { ...this.state, ...change };
    this.announce();
  }

  /** For what was changed in place. */
  announce(): void {
    if (this.isScheduled) return;
    this.isScheduled = true;
    this.schedule(() => {
      this.isScheduled = false;
      this.changed.fire(this.state);
    });
  }

  dispose(): void {
    this.changed.dispose();
  }
}
