import * as vscode from 'vscode';
import { problem, type Problem } from '../common/errors';
import { DisposableStore, Emitter } from '../common/lifecycle';
import {
  protocolVersion,
  type EngineCommand,
  type EngineNotification,
  type EnginePageMessage,
  type EngineRequests,
  type EngineStatus,
  type GenerationNotification,
} from '../common/protocol';
import { connect, type Connection } from '../common/rpc';
import type { PageAddresses } from '../models/resolve';
import type { EngineLink } from '../runs/engine';
import { pageHtml } from '../webviews/html';
import { webviewPort } from '../webviews/port';
import { engineLabels } from './labels';
import { parseEngineNotification } from './notifications';
import { Waiting } from './waiting';

const readyTimeoutMs = 60_000;

/**
 * The view that owns the GPU. Its page and worker live as long as the view, also while it is hidden; when the view is
 * closed, moved to another container or its worker crashes, whatever ran there is lost and listeners are told so.
 */
export class EngineView implements vscode.WebviewViewProvider, EngineLink, PageAddresses, vscode.Disposable {
  static readonly id = 'peft.engine';

  private readonly disposables = new DisposableStore();
  private readonly notified = this.disposables.add(new Emitter<EngineNotification>());
  private readonly grown = this.disposables.add(new Emitter<GenerationNotification>());
  private readonly vanished = this.disposables.add(new Emitter<Problem>());
  private readonly button = this.disposables.add(new Emitter<EngineCommand>());
  private readonly faults = this.disposables.add(new Emitter<Problem>());
  private readonly started = this.disposables.add(new Emitter<void>());
  readonly onNotification = this.notified.event;
  /** A completion has become longer. */
  readonly onGenerated = this.grown.event;
  readonly onLost = this.vanished.event;
  readonly onDidPress = this.button.event;
  readonly onFault = this.faults.event;
  /** The worker takes requests. */
  readonly onReady = this.started.event;

  private webview: vscode.Webview | undefined;
  private connection: Connection<EngineRequests> | undefined;
  private readonly workerReady = new Waiting();
  private readonly pong = new Waiting();
  private isReady = false;
  private status: EngineStatus = {};
  roots: readonly vscode.Uri[] = [];

  constructor(private readonly extensionUri: vscode.Uri) {}

  resolveWebviewView(view: vscode.WebviewView): void {
    const { webview } = view;
    this.webview = webview;
    this.roots = [this.extensionUri, ...(vscode.workspace.workspaceFolders ?? []).map(folder => folder.uri)];
    webview.options = { enableScripts: true, localResourceRoots: this.roots };
    this.open();
    view.onDidDispose(() => {
      if (this.webview === webview) this.leave();
    });
    const worker = webview.asWebviewUri(vscode.Uri.joinPath(this.extensionUri, 'dist', 'worker.js'));
    webview.html = pageHtml(webview, {
      extensionUri: this.extensionUri,
      name: 'enginePage',
      title: vscode.l10n.t('Engine'),
      // AdamW on the host (offload.optimizer) has a kernel, which the worker compiles.
      compilesWasm: true,
      // The page fetches the worker's script and model weights, and starts the worker from a blob.
      extraPolicy: `worker-src blob:; connect-src ${webview.cspSource}`,
      data: { worker: worker.toString(), labels: JSON.stringify(engineLabels()) },
    });
  }

  async ready(): Promise<void> {
    if (this.isReady) return;
    if (!this.webview) await vscode.commands.executeCommand(`${EngineView.id}.focus`, { preserveFocus: true });
    const hint = 'Open the Engine view and look at what it says, or run "PEFT: GPU Doctor".';
    const late = problem('engine.notReady', 'The engine did not start within a minute.', hint);
    await this.workerReady.wait({ timeoutMs: readyTimeoutMs, late });
  }

  request<K extends keyof EngineRequests>(
    method: K,
    params: EngineRequests[K]['params'],
  ): Promise<EngineRequests[K]['result']> {
    if (this.connection && this.isReady) return this.connection.request(method, params);
    return Promise.reject(problem('engine.notReady', 'The engine is not running.', 'Open the Engine view.'));
  }

  ping(): Promise<void> {
    if (!this.connection) return Promise.reject(problem('engine.lost', 'The Engine view is closed.', 'Open it.'));
    this.tell({ type: 'ping' });
    return this.pong.wait();
  }

  /** Shows `status` on the page, now and when the page is opened again. */
  show(status: EngineStatus): void {
    this.status = status;
    this.tell({ type: 'status', status });
  }

  asWebviewUri(uri: vscode.Uri): vscode.Uri {
    return this.webview?.asWebviewUri(uri) ?? uri;
  }

  dispose(): void {
    this.connection?.dispose();
    this.disposables.dispose();
  }

  private open(): void {
    if (!this.webview) return;
    this.connection = connect<Record<never, never>, EngineRequests>(webviewPort(this.webview), {
      handlers: {},
      onNotification: body => this.hear(body),
      onFault: fault => this.faults.fire(fault),
    });
  }

  private hear(body: unknown): void {
    const note = parseEngineNotification(body);
    if (!note) {
      this.faults.fire({
        code: 'engine.badMessage',
        message: 'The engine sent something unknown.',
        hint: 'Reload the window.',
      });
    } else if (note.type === 'pong') this.pong.resolve();
    else if (note.type === 'pressed') this.button.fire(note.command);
    else if (note.type === 'workerFailed') this.lose(note.problem);
    else if (note.type === 'generated') this.grown.fire(note);
    else if (note.type === 'ready') this.becomeReady(note.version);
    else this.notified.fire(note);
  }

  private becomeReady(version: number): void {
    if (version !== protocolVersion) {
      const message = `The engine speaks protocol ${version}, the extension ${protocolVersion}.`;
      this.workerReady.reject(problem('engine.version', message, 'Reload the window.'));
      return;
    }
    this.isReady = true;
    this.tell({ type: 'status', status: this.status });
    this.workerReady.resolve();
    this.started.fire();
  }

  private tell(message: EnginePageMessage): void {
    this.connection?.notify(message);
  }

  private leave(): void {
    this.webview = undefined;
    const hint = 'It is opened again to go on from the last checkpoint.';
    this.lose({ code: 'engine.lost', message: 'The Engine view was closed or moved.', hint });
  }

  /** Whatever the worker held is gone; pending requests fail, a new connection waits for the next worker. */
  private lose(reason: Problem): void {
    const lost: Problem = { ...reason, code: 'engine.lost' };
    this.isReady = false;
    this.connection?.close(lost);
    this.connection = undefined;
    this.pong.reject(problem(lost.code, lost.message, lost.hint));
    this.open();
    this.vanished.fire(lost);
  }
}
