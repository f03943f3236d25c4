import type { Problem } from '../../src/common/errors';
import { toProblem } from '../../src/common/errors';
import type { Disposable } from '../../src/common/lifecycle';
import type { DashboardNotification, DashboardSnapshot } from '../../src/common/protocol';
import { protocolVersion } from '../../src/common/protocol';
import type { RunEvent } from '../../src/common/run/events';
import { fold } from '../../src/common/run/fold';
import type { RunView } from '../../src/common/run/view';
import { assignColours, type RunColour } from './model/overlays';
import { PageState } from './pageState';
import type { Preferences, SavedState } from './preferences';

export type Phase = 'loading' | 'ready' | 'outdated' | 'unreachable';

/** Everything the views draw. Runs are mutated in place by the fold; `seq` of a run says whether it changed. */
export interface AppState {
  readonly phase: Phase;
  /** The main run first, then the overlays. */
  readonly runs: readonly RunView[];
  /** One for each of `runs`; an overlay keeps its own while others come and go. */
  readonly colours: readonly RunColour[];
  readonly preferences: Preferences;
  /** A request of this page that failed; shown until dismissed. */
  readonly failure?: Problem;
}

/** What the store needs from the outside. */
export interface StorePorts {
  hydrate(runId: string | undefined): Promise<DashboardSnapshot>;
  save(state: SavedState): void;
  /** Runs the callback before the next frame; one call per change burst. */
  schedule(callback: () => void): void;
}

/** The page's one state: a snapshot from the host, then events folded in as they arrive. */
export class Store implements Disposable {
  private readonly page: PageState<AppState>;
  private hydrating = false;
  readonly onDidChange: PageState<AppState>['onDidChange'];

  constructor(
    private readonly ports: StorePorts,
    private readonly saved: SavedState,
  ) {
    const start: AppState = { phase: 'loading', runs: [], colours: [], preferences: saved.preferences };
    this.page = new PageState(start, callback => ports.schedule(callback));
    this.onDidChange = this.page.onDidChange;
  }

  get state(): AppState {
    return this.page.current;
  }

  /** Asks the host for the full picture; a second call while one is under way does nothing. */
  async hydrate(): Promise<void> {
    if (this.hydrating) return;
    this.hydrating = true;
    try {
      this.show(await this.ports.hydrate(this.state.runs[0]?.manifest.id ?? this.saved.runId));
    } catch (error) {
      this.page.set({ phase: 'unreachable', failure: toProblem(error) });
    } finally {
      this.hydrating = false;
    }
  }

  /** Takes a message of the host in. Events that the snapshot already holds are skipped; a gap hydrates again. */
  receive(notification: DashboardNotification): void {
    if (notification.type === 'snapshot') this.show(notification.snapshot);
    else if (!this.foldAll(notification.runId, notification.events)) void this.hydrate();
  }

  setPreferences(change: Partial<Preferences>): void {
    this.page.set({ preferences: { ...this.state.preferences, ...change } });
    this.persist();
  }

  /** Shows, or with `undefined` dismisses, a failed request. */
  setFailure(failure: Problem | undefined): void {
    this.page.set({ failure });
  }

  dispose(): void {
    this.page.dispose();
  }

  private show(snapshot: DashboardSnapshot): void {
    if (snapshot.version !== protocolVersion) {
      this.page.set({ phase: 'outdated', runs: [], colours: [], failure: undefined });
      return;
    }
    const { runs } = snapshot;
    const ids = (list: readonly RunView[]): string[] => list.map(run => run.manifest.id);
    const before = new Map(ids(this.state.runs).map((id, i) => [id, this.state.colours[i]]));
    this.page.set({ phase: 'ready', runs, colours: assignColours(ids(runs), before), failure: undefined });
    this.persist();
  }

  private foldAll(runId: string, events: readonly RunEvent[]): boolean {
    const view = this.state.runs.find(run => run.manifest.id === runId);
    if (view === undefined) return true;
    for (const event of events) {
      if (event.seq > view.seq + 1) return false;
      fold(view, event);
    }
    this.page.announce();
    return true;
  }

  private persist(): void {
    const [runId, ...overlays] = this.state.runs.map(run => run.manifest.id);
    this.ports.save({ runId, overlays, preferences: this.state.preferences });
  }
}
