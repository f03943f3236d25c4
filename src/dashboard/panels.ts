import * as vscode from 'vscode';
import { problem } from '../common/errors';
import {
  protocolVersion,
  type DashboardAction,
  type DashboardNotification,
  type DashboardRequests,
  type EngineCommand,
} from '../common/protocol';
import { connect, type Connection, type Handlers } from '../common/rpc';
import type { RunStore } from '../runs/store';
import { pageHtml } from '../webviews/html';
import { webviewPort } from '../webviews/port';
import { saveFile } from './save';

export interface DashboardDeps {
  readonly extensionUri: vscode.Uri;
  readonly store: RunStore;
  readonly log: vscode.LogOutputChannel;
  readonly command: (runId: string, command: EngineCommand) => Promise<void>;
  readonly invoke: (runId: string, action: DashboardAction) => Promise<void>;
}

type ToPage = Connection<Record<never, never>>;

/** A panel and the run it shows. */
interface Open {
  readonly panel: vscode.WebviewPanel;
  readonly connection: ToPage;
  runId: string | undefined;
}

/** Dashboards, one per run. Pages hold nothing: they ask for a snapshot and then get what is appended to the run. */
export class Dashboards implements vscode.WebviewPanelSerializer, vscode.Disposable {
  static readonly viewType = 'peft.dashboard';
  private readonly open = new Set<Open>();
  private readonly listening: vscode.Disposable;

  constructor(private readonly deps: DashboardDeps) {
    this.listening = vscode.Disposable.from(
      deps.store.onDidAppend(({ runId, events }) => this.tell(runId, { type: 'deltas', runId, events })),
      deps.store.onDidChange(() => this.retitle()),
    );
  }

  /** Brings the run's panel to the front, making one if there is none. */
  show(runId: string, options: { readonly preserveFocus?: boolean } = {}): void {
    const known = [...this.open].find(one => one.runId === runId);
    if (known) {
      known.panel.reveal(undefined, options.preserveFocus);
      return;
    }
    const place = { viewColumn: vscode.ViewColumn.Active, preserveFocus: options.preserveFocus };
    this.attach(vscode.window.createWebviewPanel(Dashboards.viewType, this.titleOf(runId), place), runId);
  }

  /** Called by the editor for a panel of the last session. */
  deserializeWebviewPanel(panel: vscode.WebviewPanel, state: unknown): Promise<void> {
    const { runId } = (state ?? {}) as { runId?: unknown };
    this.attach(panel, typeof runId === 'string' ? runId : undefined);
    return Promise.resolve();
  }

  /** Gives every panel of the run a fresh picture, after its files were changed otherwise than by appending. */
  async refresh(): Promise<void> {
    for (const one of this.open) {
      if (one.runId === undefined || !this.deps.store.find(one.runId)) continue;
      const runs = [await this.deps.store.view(one.runId)];
      const body: DashboardNotification = { type: 'snapshot', snapshot: { version: protocolVersion, runs } };
      one.connection.notify(body);
    }
  }

  dispose(): void {
    this.listening.dispose();
    for (const { panel, connection } of this.open) {
      connection.dispose();
      panel.dispose();
    }
  }

  private attach(panel: vscode.WebviewPanel, runId: string | undefined): void {
    const { extensionUri, log } = this.deps;
    const { webview } = panel;
    webview.options = { enableScripts: true, localResourceRoots: [vscode.Uri.joinPath(extensionUri, 'dist')] };
    const icon = (theme: string) => vscode.Uri.joinPath(extensionUri, 'media', 'icons', `dashboard-${theme}.svg`);
    panel.iconPath = { light: icon('light'), dark: icon('dark') };
    const one: Open = {
      panel,
      runId,
      connection: connect<DashboardRequests, Record<never, never>>(webviewPort(webview), {
        handlers: this.handlers(() => one),
        onFault: fault => log.warn(`dashboard: ${fault.message}`),
      }),
    };
    this.open.add(one);
    panel.onDidDispose(() => {
      one.connection.dispose();
      this.open.delete(one);
    });
    panel.title = this.titleOf(runId);
    webview.html = pageHtml(webview, {
      extensionUri,
      name: 'dashboard',
      title: panel.title,
      data: { run: runId ?? '' },
    });
  }

  private handlers(current: () => Open): Handlers<DashboardRequests> {
    const { store, command, invoke } = this.deps;
    return {
      hydrate: async ({ runId }) => {
        const one = current();
        const wanted = runId ?? one.runId ?? store.runs.at(0)?.id;
        if (wanted === undefined) throw problem('run.none', 'There are no runs yet.', 'Open a config and press Run.');
        const view = await store.view(wanted);
        one.runId = wanted;
        one.panel.title = this.titleOf(wanted);
        return { version: protocolVersion, runs: [view] };
      },
      command: async params => {
        await command(params.runId, params.command);
        return { accepted: true };
      },
      invoke: async ({ runId, action }) => {
        await invoke(runId, action);
        return { accepted: true };
      },
      save: async ({ name, content }) => ({ saved: await saveFile(name, content) }),
    };
  }

  private tell(runId: string, body: DashboardNotification): void {
    for (const one of this.open) if (one.runId === runId) one.connection.notify(body);
  }

  private titleOf(runId: string | undefined): string {
    return (runId === undefined ? undefined : this.deps.store.find(runId)?.summary.name) ?? vscode.l10n.t('Run');
  }

  private retitle(): void {
    for (const one of this.open) {
      const title = this.titleOf(one.runId);
      if (one.panel.title !== title) one.panel.title = title;
    }
  }
}
