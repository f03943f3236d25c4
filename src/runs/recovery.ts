import { toProblem, type Problem } from '../common/errors';
import { isActive } from '../common/run/stateMachine';
import type { Timer } from './engine';
import { FolderLock } from './lock';
import type { RunStore, StoreRoot } from './store';

export interface RecoveryDeps {
  readonly store: RunStore;
  readonly timer: Timer;
  readonly session: string;
  readonly onProblem: (problem: Problem) => void;
}

/**
 * Runs that are on disk as going on although no window is: they were cut off by a reload, a crash or a closed browser.
 * Marks them as interrupted and answers their ids. Runs of a window that is still alive are left alone.
 */
export async function recoverRuns(deps: RecoveryDeps, roots: readonly StoreRoot[]): Promise<readonly string[]> {
  const recovered: string[] = [];
  for (const root of roots) {
    try {
      recovered.push(...(await recoverRoot(deps, root)));
    } catch (error) {
      deps.onProblem(toProblem(error));
    }
  }
  return recovered;
}

async function recoverRoot({ store, timer, session }: RecoveryDeps, root: StoreRoot): Promise<readonly string[]> {
  const isLeft = store.runs.some(run => run.root.key === root.key && isActive(run.summary.state));
  if (!isLeft) return [];
  const lock = new FolderLock(root.files, session, timer);
  if ((await lock.liveHolder()) !== undefined) return [];
  return store.markInterrupted(root);
}
