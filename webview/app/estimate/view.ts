import type { Disposable } from '../../../src/common/lifecycle';
import type { EstimateNumbers } from '../../../src/common/estimate/protocol';
import type { TableModel } from '../model/table';
import type { EstimateState } from './store';

/** What the page asks its host to do, beside planning. */
export interface EstimateActions {
  readonly apply: () => void;
  readonly openConfig: (line?: number) => void;
  readonly saveTable: (table: TableModel) => void;
}

/** What a person does to the page itself. */
export interface EstimateEdits {
  readonly setChange: (key: string, value: unknown) => void;
  readonly reset: () => void;
  readonly addScenario: () => void;
  readonly removeScenario: (index: number) => void;
  /** Puts the toggles where they were in a scenario. */
  readonly useScenario: (index: number) => void;
  readonly setTable: (shown: boolean) => void;
}

export interface EstimateContext {
  readonly actions: EstimateActions;
  readonly edits: EstimateEdits;
}

/** State with numbers to show. */
export interface NumbersState extends EstimateState {
  readonly name: string;
  readonly numbers: EstimateNumbers;
}

/** One part of the page. */
export interface EstimateView extends Disposable {
  readonly element: HTMLElement;
  update(state: NumbersState): void;
}
