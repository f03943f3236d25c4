import { cautionsOf, type Caution } from '../../../src/common/comparison/cautions';
import { groupVariants, type ComparedGroup, type ComparedVariant } from '../../../src/common/comparison/groups';
import {
  comparisonVersion,
  type ComparisonNotification,
  type ComparisonSnapshot,
} from '../../../src/common/comparison/protocol';
import { toProblem, type Problem } from '../../../src/common/errors';
import type { Disposable } from '../../../src/common/lifecycle';
import { PageState } from '../pageState';
import type { Phase } from '../store';
import { defaultPreferences, type ComparePreferences, type SavedComparison } from './preferences';

/** Everything the views draw. */
export interface CompareState {
  readonly phase: Phase;
  readonly snapshot?: ComparisonSnapshot;
  readonly groups: readonly ComparedGroup[];
  readonly cautions: readonly Caution[];
  readonly preferences: ComparePreferences;
  /** A request of this page that failed; shown until the next answer. */
  readonly failure?: Problem;
}

/** What the store needs from the outside. */
export interface CompareStorePorts {
  hydrate(comparison: string | undefined): Promise<ComparisonSnapshot>;
  save(state: SavedComparison): void;
  /** Runs the callback before the next frame; one call per change burst. */
  schedule(callback: () => void): void;
}

/** The page's one state: a snapshot from the host, then variants replaced as they change. */
export class CompareStore implements Disposable {
  private readonly page: PageState<CompareState>;
  readonly onDidChange: PageState<CompareState>['onDidChange'];

  constructor(
    private readonly ports: CompareStorePorts,
    private readonly saved: SavedComparison,
  ) {
    const preferences = saved.preferences ?? defaultPreferences;
    this.page = new PageState<CompareState>({ phase: 'loading', groups: [], cautions: [], preferences }, callback =>
      ports.schedule(callback),
    );
    this.onDidChange = this.page.onDidChange;
  }

  get state(): CompareState {
    return this.page.current;
  }

  /** Asks the host for the full picture. */
  async hydrate(): Promise<void> {
    try {
      this.show(await this.ports.hydrate(this.state.snapshot?.comparison ?? this.saved.comparison));
    } catch (error) {
      this.page.set({ phase: 'unreachable', failure: toProblem(error) });
    }
  }

  /** Takes a message of the host in. */
  receive(notification: ComparisonNotification): void {
    if (notification.type === 'snapshot') this.show(notification.snapshot);
    else this.replace(notification.variants);
  }

  setPreferences(change: Partial<ComparePreferences>): void {
    this.page.set({ preferences: { ...this.state.preferences, ...change } });
    this.persist();
  }

  setFailure(failure: Problem | undefined): void {
    this.page.set({ failure });
  }

  dispose(): void {
    this.page.dispose();
  }

  private show(snapshot: ComparisonSnapshot): void {
    if (snapshot.version !== comparisonVersion) {
      this.page.set({ phase: 'outdated', snapshot: undefined, groups: [], cautions: [], failure: undefined });
      return;
    }
    this.take(snapshot);
    this.persist();
  }

  private replace(variants: readonly ComparedVariant[]): void {
    const { snapshot } = this.state;
    if (snapshot === undefined) return;
    const news = new Map(variants.map(variant => [variant.config, variant]));
    this.take({ ...snapshot, variants: snapshot.variants.map(variant => news.get(variant.config) ?? variant) });
  }

  private take(snapshot: ComparisonSnapshot): void {
    const groups = groupVariants(snapshot.variants);
    const cautions = cautionsOf(snapshot.definition, groups);
    this.page.set({ phase: 'ready', snapshot, groups, cautions, failure: undefined });
  }

  private persist(): void {
    const { snapshot, preferences } = this.state;
    this.ports.save({ comparison: snapshot?.comparison ?? this.saved.comparison, preferences });
  }
}
