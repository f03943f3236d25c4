import type { Disposable } from '../../../src/common/lifecycle';
import type { LinkedSteps } from '../charts/cursor';
import type { ThemeSource } from '../charts/theme';
import type { TableModel } from '../model/table';
import type { ComparePreferences } from './preferences';
import type { CompareState } from './store';

/** What a person can do on this page; a refusal appears as a banner. */
export interface CompareActions {
  openRun(runId: string): void;
  openConfig(config: string): void;
  queueMissing(): void;
  saveTable(name: string, table: TableModel): void;
  saveImage(name: string, image: Blob | undefined): void;
}

/** What every view is given to work with. */
export interface CompareContext {
  readonly actions: CompareActions;
  readonly cursor: LinkedSteps;
  readonly theme: ThemeSource;
  readonly setPreferences: (change: Partial<ComparePreferences>) => void;
}

/** One part of the page. `update` is called at most once a frame. */
export interface CompareView extends Disposable {
  readonly element: HTMLElement;
  update(state: CompareState): void;
}
