import * as vscode from 'vscode';
import { toProblem } from '../common/errors';
import { DisposableStore } from '../common/lifecycle';
import { isActive } from '../common/run/stateMachine';
import type { RunController } from './controller';
import type { RunQueue } from './queue';
import { recoverRuns } from './recovery';
import type { RunStore } from './store';
import { gather, systemTimer, watchRuns, workspaceRoots } from './workspaceRoots';

/** While another window trains in a folder, this one looks this often whether it still does. */
const lookAgainMs = 15_000;

export interface SessionDeps {
  readonly store: RunStore;
  readonly controller: RunController;
  readonly queue: RunQueue;
  readonly dashboards: { show(id: string, options: { preserveFocus: boolean }): void; refresh(): Promise<void> };
  readonly session: string;
  readonly log: vscode.LogOutputChannel;
}

/** Reads what earlier sessions left and follows what happens to it outside this window. */
export class SessionStart implements vscode.Disposable {
  private readonly disposables = new DisposableStore();
  private recovering: Promise<void> = Promise.resolve();

  constructor(private readonly deps: SessionDeps) {
    const soon = this.disposables.add(gather(500, () => void this.refresh()));
    const { store, controller } = deps;
    this.disposables.add(watchRuns(() => soon.call()));
    this.disposables.add(vscode.workspace.onDidChangeWorkspaceFolders(() => soon.call()));
    this.disposables.add(
      systemTimer.every(lookAgainMs, () => {
        const active = controller.active?.manifest.id;
        if (store.runs.some(run => isActive(run.summary.state) && run.id !== active)) void this.refresh();
      }),
    );
    this.disposables.add(
      controller.onDidLaunch(id => {
        if (setting('openDashboardOnRun', true)) deps.dashboards.show(id, { preserveFocus: true });
      }),
    );
  }

  /** Lists runs and queue, marks runs that were cut off, and resumes the newest of them if the setting says so. */
  async begin(): Promise<void> {
    const { store, queue, controller, log } = this.deps;
    try {
      await store.refresh();
      await queue.load();
      const cut = await this.recover();
      const newest = store.runs.find(run => cut.includes(run.id));
      if (newest && vscode.workspace.isTrusted && setting('resumeInterrupted', false))
        await controller.resume(newest.id);
    } catch (error) {
      const { message, hint } = toProblem(error);
      log.error(`${message} ${hint}`);
    }
  }

  /** Reads all runs again. */
  async refresh(): Promise<void> {
    try {
      await this.deps.store.refresh(workspaceRoots());
      await this.recover();
      await this.deps.dashboards.refresh();
    } catch (error) {
      this.deps.log.warn(toProblem(error).message);
    }
  }

  dispose(): void {
    this.disposables.dispose();
  }

  /** One at a time: watching a lock takes seconds, and changes come in bursts. */
  private recover(): Promise<readonly string[]> {
    const { store, session, log } = this.deps;
    const onProblem = ({ message }: { message: string }) => log.warn(message);
    const recovered = this.recovering.then(() =>
      recoverRuns({ store, session, timer: systemTimer, onProblem }, workspaceRoots()),
    );
    this.recovering = recovered.then(() => undefined);
    return recovered;
  }
}

function setting<T>(name: string, fallback: T): T {
  return vscode.workspace.getConfiguration('peft').get(name, fallback);
}
