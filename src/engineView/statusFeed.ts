import * as vscode from 'vscode';
import { toProblem, type Problem } from '../common/errors';
import type { AdapterInfo } from '../common/run/events';
import type { RunView } from '../common/run/view';
import { runDetail } from '../explorer/format';
import type { RunController } from '../runs/controller';
import type { RunStore } from '../runs/store';
import { gather } from '../runs/workspaceRoots';
import type { EngineView } from './view';

/** Keeps the engine's page up to date: what the GPU is, which run is on it, what is wrong. */
export class StatusFeed implements vscode.Disposable {
  private found: AdapterInfo | undefined;
  private readonly changed = new vscode.EventEmitter<AdapterInfo>();
  readonly onDidChangeAdapter = this.changed.event;
  private problem: Problem | undefined;
  private readonly listening: vscode.Disposable;

  constructor(
    private readonly engine: EngineView,
    private readonly controller: RunController,
    store: RunStore,
  ) {
    const soon = gather(250, () => this.show());
    this.listening = vscode.Disposable.from(
      this.changed,
      soon,
      engine.onReady(() => void this.probe()),
      engine.onLost(problem => {
        this.problem = problem;
        soon.call();
      }),
      controller.onDidChange(() => soon.call()),
      store.onDidAppend(() => soon.call()),
    );
  }

  /** The GPU as the engine last reported it. */
  get adapter(): AdapterInfo | undefined {
    return this.found;
  }

  dispose(): void {
    this.listening.dispose();
  }

  private async probe(): Promise<void> {
    try {
      this.found = await this.engine.request('probe', {});
      this.changed.fire(this.found);
      this.problem = undefined;
    } catch (error) {
      this.problem = toProblem(error);
    }
    this.show();
  }

  private show(): void {
    const view = this.controller.active;
    this.engine.show({
      adapter: view?.adapter ?? this.found,
      problem: this.problem,
      run: view && describeRun(view, this.controller.heldBy),
    });
  }
}

function describeRun(view: RunView, held: Problem | undefined) {
  return {
    name: view.manifest.name,
    state: view.state,
    step: view.step,
    totalSteps: view.totalSteps,
    detail: runDetail(view),
    memory: view.memory?.measured,
    problem: held ?? view.problem,
  };
}
