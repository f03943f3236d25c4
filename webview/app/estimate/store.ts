import { toProblem, type Problem } from '../../../src/common/errors';
import { keptChanges, methodKey, type Changes } from '../../../src/common/estimate/changes';
import {
  estimateVersion,
  type EstimateNumbers,
  type EstimateQuestion,
  type EstimateSnapshot,
} from '../../../src/common/estimate/protocol';
import type { Disposable } from '../../../src/common/lifecycle';
import { PageState } from '../pageState';
import type { Phase } from '../store';
import { mostScenarios, type SavedEstimate } from './saved';

/** Everything the views draw. */
export interface EstimateState {
  readonly phase: Phase;
  /** The host's last answer. */
  readonly snapshot?: EstimateSnapshot;
  /** The scenarios that the answer is about, in its order. */
  readonly answered: readonly Changes[];
  /** Where the toggles are, as far as they differ from the config. */
  readonly changes: Changes;
  /** What the person kept to compare with. */
  readonly scenarios: readonly Changes[];
  readonly table: boolean;
  /** A request of this page that failed; shown until the next answer. */
  readonly failure?: Problem;
}

/** What the store needs from the outside. */
export interface EstimateStorePorts {
  estimate(question: EstimateQuestion): Promise<EstimateSnapshot>;
  save(state: SavedEstimate): void;
  /** Runs the callback before the next frame; one call per change burst. */
  schedule(callback: () => void): void;
}

/** The page's one state: where the toggles are, and the host's numbers for that. */
export class EstimateStore implements Disposable {
  private readonly page: PageState<EstimateState>;
  private isAsking = false;
  private askAgain = false;
  readonly onDidChange: PageState<EstimateState>['onDidChange'];

  constructor(
    private readonly ports: EstimateStorePorts,
    private readonly saved: SavedEstimate,
  ) {
    const { changes, scenarios, table } = saved;
    const start: EstimateState = { phase: 'loading', answered: [], changes, scenarios, table };
    this.page = new PageState(start, callback => ports.schedule(callback));
    this.onDidChange = this.page.onDidChange;
  }

  get state(): EstimateState {
    return this.page.current;
  }

  /** Asks the host for numbers. While an answer is under way one more question waits, however often it is asked. */
  async ask(): Promise<void> {
    this.askAgain = this.isAsking;
    if (this.isAsking) return;
    this.isAsking = true;
    do {
      this.askAgain = false;
      await this.askOnce();
    } while (this.wantsAnother());
    this.isAsking = false;
  }

  setChange(key: string, value: unknown): void {
    const { [key]: _, ...others } = this.state.changes;
    const kept = key === methodKey ? Object.entries(others).filter(([name]) => !name.startsWith('method.')) : undefined;
    const rest = kept === undefined ? others : Object.fromEntries(kept);
    const isAsWritten = numbersOf(this.state)?.controls.some(one => one.key === key && one.value === value);
    this.change({ changes: isAsWritten === true ? rest : { ...rest, [key]: value } });
  }

  reset(): void {
    this.change({ changes: {} });
  }

  addScenario(): void {
    const { changes, scenarios } = this.state;
    if (scenarios.length < mostScenarios) this.change({ scenarios: [...scenarios, changes] });
  }

  /** `index` counts in the last answer. */
  removeScenario(index: number): void {
    const gone = this.state.answered[index];
    this.change({ scenarios: this.state.scenarios.filter(one => one !== gone) });
  }

  useScenario(index: number): void {
    this.change({ changes: this.state.answered[index] });
  }

  setTable(table: boolean): void {
    this.page.set({ table });
    this.persist();
  }

  setFailure(failure: Problem | undefined): void {
    this.page.set({ failure });
  }

  dispose(): void {
    this.page.dispose();
  }

  private change(change: Pick<EstimateState, 'changes'> | Pick<EstimateState, 'scenarios'>): void {
    this.page.set(change);
    this.persist();
    void this.ask();
  }

  private wantsAnother(): boolean {
    return this.askAgain;
  }

  private async askOnce(): Promise<void> {
    const { changes, scenarios, snapshot } = this.state;
    const config = snapshot?.config ?? this.saved.config;
    try {
      this.show(await this.ports.estimate({ config, changes, scenarios }), changes, scenarios);
    } catch (error) {
      const failure = toProblem(error);
      this.page.set(snapshot === undefined ? { phase: 'unreachable', failure } : { failure });
    }
  }

  private show(snapshot: EstimateSnapshot, changes: Changes, answered: readonly Changes[]): void {
    if (snapshot.version !== estimateVersion) {
      this.page.set({ phase: 'outdated', snapshot: undefined, failure: undefined });
      return;
    }
    this.page.set({ phase: 'ready', snapshot, answered, failure: undefined });
    // What was written into the config meanwhile is no change any more.
    if (this.state.changes === changes && snapshot.blocked === undefined)
      this.page.set({ changes: keptChanges(changes, snapshot.controls) });
    this.persist();
  }

  private persist(): void {
    const { snapshot, changes, scenarios, table } = this.state;
    this.ports.save({ config: snapshot?.config ?? this.saved.config, changes, scenarios, table });
  }
}

/** The numbers of the last answer, if it had any. */
export function numbersOf({ snapshot }: Pick<EstimateState, 'snapshot'>): EstimateNumbers | undefined {
  return snapshot?.blocked === undefined ? snapshot : undefined;
}
