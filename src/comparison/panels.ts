import * as vscode from 'vscode';
import { parseDefinition, type ComparisonDefinition } from '../common/comparison/definition';
import type { ComparedVariant } from '../common/comparison/groups';
import {
  comparisonVersion,
  isMissing,
  type ComparisonNotification,
  type ComparisonRequests,
  type ComparisonSnapshot,
} from '../common/comparison/protocol';
import { problem, toProblem } from '../common/errors';
import { connect, type Connection, type Handlers } from '../common/rpc';
import { saveFile } from '../dashboard/save';
import { parentOf, relativePath } from '../models/places';
import type { RunQueue } from '../runs/queue';
import type { RunStore } from '../runs/store';
import { gather } from '../runs/workspaceRoots';
import { pageHtml } from '../webviews/html';
import { webviewPort } from '../webviews/port';
import { ComparisonReader, type ComparisonPlace } from './reader';

export interface ComparisonDeps {
  readonly extensionUri: vscode.Uri;
  readonly store: RunStore;
  readonly queue: RunQueue;
  readonly log: vscode.LogOutputChannel;
  readonly openRun: (runId: string) => void;
  /** Queues the config files at these addresses. */
  readonly enqueue: (configs: readonly vscode.Uri[]) => Promise<void>;
}

/** A panel, and the comparison it shows as its page last heard it. */
interface Open {
  readonly panel: vscode.WebviewPanel;
  readonly connection: Connection<Record<never, never>>;
  readonly reader: ComparisonReader;
  uri: vscode.Uri | undefined;
  definition?: ComparisonDefinition;
  variants: readonly ComparedVariant[];
}

/** Pages of comparisons, one for each `comparison.json`. Pages hold nothing: what they show is read from the runs. */
export class Comparisons implements vscode.WebviewPanelSerializer, vscode.Disposable {
  static readonly viewType = 'peft.comparison';
  private readonly open = new Set<Open>();
  private readonly listening: vscode.Disposable;
  /** Resolves when the runs on disk are known. */
  private readonly listed: Promise<void>;

  constructor(private readonly deps: ComparisonDeps) {
    const { store, queue } = deps;
    const soon = gather(400, () => void this.tellAll());
    this.listed = new Promise(resolve => store.onDidChange(resolve));
    this.listening = vscode.Disposable.from(
      soon,
      store.onDidChange(() => soon.call()),
      store.onDidAppend(() => soon.call()),
      queue.onDidChange(() => soon.call()),
    );
  }

  /** Brings the page of a `comparison.json` to the front, making one if there is none. */
  show(uri: vscode.Uri): void {
    const known = [...this.open].find(one => one.uri?.toString() === uri.toString());
    if (known) known.panel.reveal();
    else
      this.attach(vscode.window.createWebviewPanel(Comparisons.viewType, titleOf(uri), vscode.ViewColumn.Active), uri);
  }

  /** Called by the editor for a panel of the last session. */
  deserializeWebviewPanel(panel: vscode.WebviewPanel, state: unknown): Promise<void> {
    const { comparison } = (state ?? {}) as { comparison?: unknown };
    this.attach(panel, typeof comparison === 'string' ? vscode.Uri.parse(comparison) : undefined);
    return Promise.resolve();
  }

  /** Whether the run of this config is one of a comparison on show: its curves are drawn there already. */
  showsConfig(root: string, configPath: string): boolean {
    const folder = configPath.slice(0, configPath.lastIndexOf('/'));
    return [...this.open].some(({ uri }) => {
      const place = uri && placeOf(uri);
      return place?.root === root && place.folder === folder;
    });
  }

  dispose(): void {
    this.listening.dispose();
    for (const { panel, connection } of this.open) {
      connection.dispose();
      panel.dispose();
    }
  }

  private attach(panel: vscode.WebviewPanel, uri: vscode.Uri | undefined): void {
    const { extensionUri, log, store, queue } = this.deps;
    const { webview } = panel;
    webview.options = { enableScripts: true, localResourceRoots: [vscode.Uri.joinPath(extensionUri, 'dist')] };
    const icon = (theme: string) => vscode.Uri.joinPath(extensionUri, 'media', 'icons', `dashboard-${theme}.svg`);
    panel.iconPath = { light: icon('light'), dark: icon('dark') };
    const onProblem = (fault: { message: string }) => log.warn(`comparison: ${fault.message}`);
    const one: Open = {
      panel,
      uri,
      reader: new ComparisonReader(store, queue, onProblem),
      variants: [],
      connection: connect<ComparisonRequests, Record<never, never>>(webviewPort(webview), {
        handlers: this.handlers(() => one),
        onFault: onProblem,
      }),
    };
    this.open.add(one);
    panel.onDidDispose(() => {
      one.connection.dispose();
      this.open.delete(one);
    });
    webview.html = pageHtml(webview, { extensionUri, name: 'comparison', title: panel.title });
  }

  private handlers(current: () => Open): Handlers<ComparisonRequests> {
    const configUri = (config: string): vscode.Uri => {
      const { uri, definition } = current();
      if (!uri || !definition?.variants.some(variant => variant.config === config)) throw gone(config);
      return vscode.Uri.joinPath(parentOf(uri), config);
    };
    return {
      hydrate: async ({ comparison }) => {
        const one = current();
        one.uri ??= comparison === undefined ? undefined : vscode.Uri.parse(comparison);
        if (!one.uri) throw gone('comparison.json');
        if (this.deps.store.runs.length === 0) await Promise.race([this.listed, pause(3000)]);
        return this.snapshotOf(one, one.uri);
      },
      openRun: ({ runId }) => {
        this.deps.openRun(runId);
        return { accepted: true };
      },
      openConfig: async ({ config }) => {
        await vscode.window.showTextDocument(configUri(config));
        return { accepted: true };
      },
      queueMissing: async () => {
        const configs = current()
          .variants.filter(isMissing)
          .map(({ config }) => configUri(config));
        await this.deps.enqueue(configs);
        return { queued: configs.length };
      },
      save: async ({ name, content }) => ({ saved: await saveFile(name, content) }),
    };
  }

  private async snapshotOf(one: Open, uri: vscode.Uri): Promise<ComparisonSnapshot> {
    const bytes = await vscode.workspace.fs.readFile(uri).then(undefined, () => undefined);
    if (bytes === undefined) throw gone(uri.path);
    const definition = parseDefinition(new TextDecoder().decode(bytes), vscode.workspace.asRelativePath(uri));
    one.definition = definition;
    one.panel.title = definition.name;
    one.variants = await one.reader.read(definition, placeOf(uri));
    return { version: comparisonVersion, comparison: uri.toString(), definition, variants: one.variants };
  }

  private async tellAll(): Promise<void> {
    for (const one of this.open) {
      if (!one.uri || !one.definition) continue;
      try {
        const before = one.variants;
        one.variants = await one.reader.read(one.definition, placeOf(one.uri));
        const changed = one.variants.filter(
          (now, i) => now.run !== before[i]?.run || now.isQueued !== before[i]?.isQueued,
        );
        if (changed.length === 0) continue;
        one.connection.notify({ type: 'variants', variants: changed } satisfies ComparisonNotification);
      } catch (error) {
        this.deps.log.warn(`comparison: ${toProblem(error).message}`);
      }
    }
  }
}

function titleOf(uri: vscode.Uri): string {
  return parentOf(uri).path.split('/').at(-1) ?? vscode.l10n.t('Comparison');
}

function placeOf(uri: vscode.Uri): ComparisonPlace {
  const root = vscode.workspace.getWorkspaceFolder(uri)?.uri ?? parentOf(uri);
  return { root: root.toString(), folder: relativePath(parentOf(uri), root) };
}

function gone(what: string) {
  return problem(
    'comparison.gone',
    vscode.l10n.t('{0} is not there any more.', what),
    vscode.l10n.t('Restore the file, or start the comparison again.'),
  );
}

function pause(milliseconds: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, milliseconds));
}
