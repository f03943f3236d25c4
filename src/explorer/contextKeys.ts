import * as vscode from 'vscode';
import { isResumable } from '../common/run/stateMachine';
import type { Services } from '../commands/services';

/** Context keys for `when` and `enablement`: what could be done now. */
export class ContextKeys implements vscode.Disposable {
  private readonly known = new Map<string, unknown>();
  private readonly listening: vscode.Disposable;

  constructor(private readonly services: Pick<Services, 'store' | 'controller' | 'queue' | 'scheduler'>) {
    const update = () => this.update();
    this.listening = vscode.Disposable.from(
      services.store.onDidChange(update),
      services.controller.onDidChange(update),
      services.queue.onDidChange(update),
    );
    update();
  }

  dispose(): void {
    this.listening.dispose();
  }

  private update(): void {
    const { store, controller, queue, scheduler } = this.services;
    this.set('peft.activeState', controller.active?.state ?? '');
    this.set('peft.hasRuns', store.runs.length + store.broken.length > 0);
    this.set(
      'peft.hasResumable',
      store.runs.some(run => isResumable(run.summary.state)),
    );
    this.set(
      'peft.hasExported',
      store.runs.some(run => run.summary.exported !== undefined),
    );
    this.set('peft.hasQueue', queue.items.length > 0);
    this.set('peft.queueHeld', scheduler.isHeld);
  }

  private set(key: string, value: unknown): void {
    if (this.known.get(key) === value) return;
    this.known.set(key, value);
    void vscode.commands.executeCommand('setContext', key, value);
  }
}
