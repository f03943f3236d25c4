import * as vscode from 'vscode';
import { problem, toProblem } from '../common/errors';
import {
  protocolVersion,
  type DashboardAction,
  type DashboardNotification,
  type DashboardRequests,
  type DashboardSnapshot,
  type EngineCommand,
} from '../common/protocol';
import { connect, type Connection, type Handlers } from '../common/rpc';
import type { RunView } from '../common/run/view';
import type { RunStore } from '../runs/store';
import { pageHtml } from '../webviews/html';
import { webviewPort } from '../webviews/port';
import { parsePanelState, type Overlays } from './overlays';
import { saveFile } from './save';

export interface DashboardDeps {
  readonly extensionUri: vscode.Uri;
  readonly store: RunStore;
  readonly overlays: Overlays;
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

/**
 * Dashboards, one per run, each with the overlays beside its own run. Pages hold nothing: they ask for a snapshot and then
 * get what is appended to its runs.
 */
export class Dashboards implements vscode.WebviewPanelSerializer, vscode.Disposable {
  static readonly viewType = 'peft.dashboard';
  private readonly open = new Set<Open>();
  private readonly listening: vscode.Disposable;
  /** Resolves when the runs on disk are known: panels of the last session ask for theirs as soon as they can. */
  private readonly listed: Promise<void>;

  constructor(private readonly deps: DashboardDeps) {
    this.listed = new Promise(resolve => deps.store.onDidChange(resolve));
    this.listening = vscode.Disposable.from(
      deps.store.onDidAppend(({ runId, events }) => this.tell(runId, { type: 'deltas', runId, events })),
      deps.store.onDidChange(() => {
        deps.overlays.prune(id => deps.store.find(id) !== undefined);
        this.retitle();
      }),
      deps.overlays.onDidChange(() => void this.refresh()),
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
    const { runId, overlays } = parsePanelState(state);
    this.deps.overlays.restore(overlays);
    this.attach(panel, runId);
    return Promise.resolve();
  }

  get isAnyOpen(): boolean {
    return this.open.size > 0;
  }

  /** Gives every panel a fresh picture: files were changed otherwise than by appending, or other runs are overlaid. */
  async refresh(): Promise<void> {
    for (const one of this.open) {
      if (one.runId === undefined || !this.deps.store.find(one.runId)) continue;
      try {
        const snapshot = await this.snapshotOf(one.runId);
        one.connection.notify({ type: 'snapshot', snapshot } satisfies DashboardNotification);
      } catch (error) {
        this.deps.log.warn(`dashboard: ${toProblem(error).message}`);
      }
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
    const { store, overlays, command, invoke } = this.deps;
    return {
      hydrate: async ({ runId }) => {
        const one = current();
        const named = runId ?? one.runId;
        if (named !== undefined && !store.find(named)) await Promise.race([this.listed, pause(5000)]);
        const wanted = named ?? store.runs.at(0)?.id;
        if (wanted === undefined) throw problem('run.none', 'There are no runs yet.', 'Open a config and press Run.');
        const snapshot = await this.snapshotOf(wanted);
        one.runId = wanted;
        one.panel.title = this.titleOf(wanted);
        return snapshot;
      },
      command: async params => {
        await command(params.runId, params.command);
        return { accepted: true };
      },
      invoke: async ({ runId, action }) => {
        await invoke(runId, action);
        return { accepted: true };
      },
      overlay: ({ runId, shown }) => {
        overlays.set([runId], shown);
        return { accepted: true };
      },
      save: async ({ name, content }) => ({ saved: await saveFile(name, content) }),
    };
  }

  /** Throws if the main run cannot be read; an overlay that cannot is left out. */
  private async snapshotOf(main: string): Promise<DashboardSnapshot> {
    const { store, overlays, log } = this.deps;
    for (;;) {
      const beside = overlays.beside(main);
      const first = await store.view(main);
      const others = beside
        .filter(id => store.find(id))
        .map(async (id): Promise<RunView[]> => {
          try {
            return [await store.view(id)];
          } catch (error) {
            log.warn(`dashboard: ${toProblem(error).message}`);
            return [];
          }
        });
      const runs = [first, ...(await Promise.all(others)).flat()];
      // Checked or unchecked while files were being read: what this page hears next must not be older.
      if (overlays.beside(main).join() === beside.join()) return { version: protocolVersion, runs };
    }
  }

  private tell(runId: string, body: DashboardNotification): void {
    const shows = ({ runId: main }: Open) => main === runId || this.deps.overlays.has(runId);
    for (const one of this.open) if (shows(one)) one.connection.notify(body);
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

function pause(milliseconds: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, milliseconds));
}
