import * as vscode from 'vscode';
import type { RunView } from '../common/run/view';
import type { RunController } from '../runs/controller';
import type { RunStore } from '../runs/store';
import { formatLoss, percentDone, runDetail } from './format';

/** The one status bar item: the run on the engine, or one that was cut off and can be resumed. */
export class StatusBar implements vscode.Disposable {
  private readonly item: vscode.StatusBarItem;
  private readonly listening: vscode.Disposable;

  constructor(
    private readonly store: RunStore,
    private readonly controller: RunController,
  ) {
    this.item = vscode.window.createStatusBarItem('peft.status', vscode.StatusBarAlignment.Left, 0);
    this.item.name = vscode.l10n.t('PEFT Run');
    this.listening = vscode.Disposable.from(
      store.onDidChange(() => this.update()),
      store.onDidAppend(() => this.update()),
      controller.onDidChange(() => this.update()),
    );
  }

  dispose(): void {
    this.listening.dispose();
    this.item.dispose();
  }

  private update(): void {
    const view = this.controller.active;
    if (view) this.showActive(view);
    else this.showInterrupted();
  }

  private showActive(view: RunView): void {
    const held = this.controller.heldBy;
    this.item.text = statusText(view, held !== undefined);
    this.item.tooltip = held ? `${held.message} ${held.hint}` : runDetail(view);
    this.show(view.manifest.id);
  }

  private showInterrupted(): void {
    const cut = this.store.runs.find(run => run.summary.state === 'interrupted');
    if (!cut || cut !== this.store.runs[0]) {
      this.item.hide();
      return;
    }
    this.item.text = `$(debug-disconnect) ${cut.summary.name}`;
    this.item.tooltip = vscode.l10n.t(
      '{0} was cut off. Resume it from the dashboard or the Runs view.',
      cut.summary.name,
    );
    this.show(cut.id);
  }

  private show(id: string): void {
    this.item.command = { command: 'peft.openDashboard', title: vscode.l10n.t('Open Dashboard'), arguments: [id] };
    this.item.show();
  }
}

/** e.g. `$(sync~spin) devil-lora 37% 1.92`. */
export function statusText(view: RunView, isHeld: boolean): string {
  const percent = percentDone(view);
  const loss = view.metrics.loss.at(-1);
  const icon = isHeld ? 'warning' : view.state === 'paused' ? 'debug-pause' : 'sync~spin';
  return [
    `$(${icon})`,
    view.manifest.name,
    percent === undefined ? undefined : `${percent}%`,
    loss === undefined ? undefined : formatLoss(loss),
  ]
    .filter(part => part !== undefined)
    .join(' ');
}
