import { problem } from '../common/errors';
import { Emitter, type Disposable } from '../common/lifecycle';

/** With the main run these are as many as there are colours that can be told apart. */
export const maxOverlays = 5;

/** The runs whose curves every dashboard draws beside its own: the checked rows of the Runs view, in order of checking. */
export class Overlays implements Disposable {
  private readonly changed = new Emitter<void>();
  private checked: readonly string[];

  readonly onDidChange = this.changed.event;

  /** `remembered`: what was checked when the window was closed; undefined if nothing was ever checked in it. */
  constructor(private readonly remembered?: readonly string[]) {
    this.checked = remembered ?? [];
  }

  get ids(): readonly string[] {
    return this.checked;
  }

  has(id: string): boolean {
    return this.checked.includes(id);
  }

  /** What the dashboard of `main` draws beside it. */
  beside(main: string): readonly string[] {
    return this.checked.filter(id => id !== main).slice(0, maxOverlays);
  }

  /** Checks or unchecks runs. Throws `overlay.tooMany` and changes nothing if they do not fit into one chart. */
  set(ids: readonly string[], shown: boolean): void {
    const others = this.checked.filter(id => !ids.includes(id));
    this.replace(shown ? [...this.checked, ...ids] : others);
  }

  /** Checks these runs and no others; see {@link set}. */
  replace(ids: readonly string[]): void {
    const next = [...new Set(ids)];
    if (next.length > maxOverlays + 1) {
      throw problem(
        'overlay.tooMany',
        `${next.length} runs in one chart cannot be told apart; ${maxOverlays + 1} can.`,
        'Uncheck some in the Runs view.',
      );
    }
    this.take(next);
  }

  /**
   * Checks what a dashboard of the last session showed, as far as there is room. What the window remembers goes first: a
   * dashboard that was hidden did not hear what was unchecked meanwhile.
   */
  restore(ids: readonly string[]): void {
    if (this.remembered === undefined) this.take([...new Set([...this.checked, ...ids])].slice(0, maxOverlays + 1));
  }

  /** Unchecks runs that are gone. */
  prune(exists: (id: string) => boolean): void {
    this.take(this.checked.filter(exists));
  }

  dispose(): void {
    this.changed.dispose();
  }

  private take(next: readonly string[]): void {
    if (next.length === this.checked.length && next.every((id, i) => id === this.checked[i])) return;
    this.checked = next;
    this.changed.fire();
  }
}

/** What a dashboard left behind: its run and the runs drawn beside it; anything unusable is left out. */
export function parsePanelState(state: unknown): { readonly runId?: string; readonly overlays: readonly string[] } {
  const { runId, overlays } = (state ?? {}) as { runId?: unknown; overlays?: unknown };
  return {
    runId: typeof runId === 'string' ? runId : undefined,
    overlays: Array.isArray(overlays) ? overlays.filter(id => typeof id === 'string') : [],
  };
}
