import type { Disposable } from '../../../src/common/lifecycle';
import type { RunView } from '../../../src/common/run/view';
import type { Actions } from '../actions';
import type { LinkedSteps } from '../charts/cursor';
import type { ThemeSource } from '../charts/theme';
import type { Preferences } from '../preferences';
import type { AppState } from '../store';

/** What every view is given to work with. */
export interface ViewContext {
  readonly actions: Actions;
  readonly cursor: LinkedSteps;
  readonly theme: ThemeSource;
  readonly setPreferences: (change: Partial<Preferences>) => void;
}

/** State with a run to show; views of a run are drawn only then. */
export interface RunState extends AppState {
  readonly run: RunView;
}

/** One part of the page. `update` is called at most once a frame and skips what did not change. */
export interface View extends Disposable {
  readonly element: HTMLElement;
  update(state: RunState): void;
}
