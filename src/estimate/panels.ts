import * as vscode from 'vscode';
import { difference } from '../common/config/fix';
import { parseConfig } from '../common/config/parse';
import { baseAs } from '../common/comparison/variants';
import { problem } from '../common/errors';
import { changedText } from '../common/estimate/changedText';
import type { Changes } from '../common/estimate/changes';
import type {
  EstimateNotification,
  EstimateQuestion,
  EstimateRequests,
  EstimateSnapshot,
} from '../common/estimate/protocol';
import { estimateSnapshot } from '../common/estimate/snapshot';
import { connect, type Connection, type Handlers } from '../common/rpc';
import type { FactSource } from '../configEditor/facts';
import { toWorkspaceEdit } from '../configEditor/ranges';
import { saveFile } from '../dashboard/save';
import { gather } from '../runs/workspaceRoots';
import { pageHtml } from '../webviews/html';
import { webviewPort } from '../webviews/port';

export interface EstimateDeps {
  readonly extensionUri: vscode.Uri;
  readonly facts: FactSource;
  readonly log: vscode.LogOutputChannel;
}

interface Open {
  readonly panel: vscode.WebviewPanel;
  readonly connection: Connection<Record<never, never>>;
  uri: vscode.Uri | undefined;
}

/**
 * The pages of _Estimate Memory_, one for each config. They hold no numbers: whatever they show is planned here, from the
 * document as it stands in the editor, saved or not. Needs no trust and no GPU.
 */
export class Estimates implements vscode.WebviewPanelSerializer, vscode.Disposable {
  static readonly viewType = 'peft.estimate';
  private readonly open = new Set<Open>();
  private readonly listening: vscode.Disposable;

  constructor(private readonly deps: EstimateDeps) {
    const soon = gather(150, () => this.tell(() => true));
    this.listening = vscode.Disposable.from(
      soon,
      deps.facts.onDidChange(() => soon.call()),
      vscode.workspace.onDidChangeTextDocument(({ document }) =>
        this.tell(uri => uri.toString() === document.uri.toString()),
      ),
    );
  }

  /** Brings the page of a config to the front, making one beside the editor if there is none. */
  show(uri: vscode.Uri): void {
    const known = [...this.open].find(one => one.uri?.toString() === uri.toString());
    if (known) return known.panel.reveal();
    const column = vscode.window.activeTextEditor ? vscode.ViewColumn.Beside : vscode.ViewColumn.Active;
    this.attach(vscode.window.createWebviewPanel(Estimates.viewType, titleOf(uri), column), uri);
  }

  /** Called by the editor for a panel of the last session. */
  deserializeWebviewPanel(panel: vscode.WebviewPanel, state: unknown): Promise<void> {
    const { config } = (state ?? {}) as { config?: unknown };
    this.attach(panel, typeof config === 'string' ? vscode.Uri.parse(config) : undefined);
    return Promise.resolve();
  }

  dispose(): void {
    this.listening.dispose();
    for (const { panel, connection } of this.open) {
      connection.dispose();
      panel.dispose();
    }
  }

  /** What the page of a config would be told; throws a problem if the config cannot be opened. */
  async estimate(uri: vscode.Uri, question: Omit<EstimateQuestion, 'config'>): Promise<EstimateSnapshot> {
    const { parsed, facts } = await this.read(uri);
    return estimateSnapshot({ address: uri.toString(), fileName: fileNameOf(uri), parsed }, facts, question);
  }

  /** Writes changes into the document, in one edit that keeps comments. Answers whether there was anything to write. */
  async apply(uri: vscode.Uri, changes: Changes): Promise<boolean> {
    const { document, parsed, facts } = await this.read(uri);
    const { value } = parsed;
    if (value === undefined) {
      const hint = vscode.l10n.t('Repair what is marked in the config first.');
      throw problem('estimate.broken', vscode.l10n.t('The config has errors.'), hint);
    }
    const text = document.getText();
    const edits = difference(text, changedText(baseAs(text, value, facts), changes));
    if (edits.length === 0) return false;
    await this.reveal(document);
    return vscode.workspace.applyEdit(toWorkspaceEdit(document, edits));
  }

  private async read(uri: vscode.Uri) {
    const document = await vscode.workspace.openTextDocument(uri).then(undefined, () => undefined);
    if (document === undefined) throw gone(uri);
    const parsed = parseConfig(document.getText());
    const facts = parsed.value === undefined ? {} : await this.deps.facts.facts(uri, parsed.value);
    return { document, parsed, facts };
  }

  /** An edit can only be seen and undone in an editor that shows the document. */
  private async reveal(document: vscode.TextDocument, line?: number): Promise<void> {
    const shown = vscode.window.visibleTextEditors.find(editor => editor.document === document);
    const place = line === undefined ? undefined : document.lineAt(Math.min(line, document.lineCount) - 1).range;
    if (shown && line === undefined) return;
    await vscode.window.showTextDocument(document, {
      viewColumn: shown?.viewColumn ?? vscode.ViewColumn.Beside,
      preserveFocus: line === undefined,
      preview: false,
      selection: place && new vscode.Range(place.start, place.start),
    });
  }

  private attach(panel: vscode.WebviewPanel, uri: vscode.Uri | undefined): void {
    const { extensionUri, log } = this.deps;
    const { webview } = panel;
    webview.options = { enableScripts: true, localResourceRoots: [vscode.Uri.joinPath(extensionUri, 'dist')] };
    const icon = (theme: string) => vscode.Uri.joinPath(extensionUri, 'media', 'icons', `dashboard-${theme}.svg`);
    panel.iconPath = { light: icon('light'), dark: icon('dark') };
    const one: Open = {
      panel,
      uri,
      connection: connect<EstimateRequests, Record<never, never>>(webviewPort(webview), {
        handlers: this.handlers(() => one),
        onFault: fault => log.warn(`estimate: ${fault.message}`),
      }),
    };
    this.open.add(one);
    panel.onDidDispose(() => {
      one.connection.dispose();
      this.open.delete(one);
    });
    webview.html = pageHtml(webview, { extensionUri, name: 'estimate', title: panel.title });
  }

  private handlers(current: () => Open): Handlers<EstimateRequests> {
    const uriOf = (config?: string): vscode.Uri => {
      const one = current();
      one.uri ??= config === undefined ? undefined : vscode.Uri.parse(config);
      if (!one.uri) throw gone();
      one.panel.title = titleOf(one.uri);
      return one.uri;
    };
    return {
      estimate: ({ config, ...question }) => this.estimate(uriOf(config), question),
      apply: async ({ changes }) => ({ applied: await this.apply(uriOf(), changes) }),
      openConfig: async ({ line = 1 }) => {
        const { document } = await this.read(uriOf());
        await this.reveal(document, line);
        return { accepted: true };
      },
      save: async ({ name, content }) => ({ saved: await saveFile(name, content) }),
    };
  }

  private tell(concerns: (uri: vscode.Uri) => boolean): void {
    for (const { uri, connection } of this.open)
      if (uri && concerns(uri)) connection.notify({ type: 'changed' } satisfies EstimateNotification);
  }
}

function titleOf(uri: vscode.Uri): string {
  return vscode.l10n.t('Memory of {0}', fileNameOf(uri));
}

function fileNameOf(uri: vscode.Uri): string {
  const file = uri.path.slice(uri.path.lastIndexOf('/') + 1);
  return file.replace(/\.peft\.(ya?ml|json)$/i, '');
}

function gone(uri?: vscode.Uri) {
  const name = uri === undefined ? vscode.l10n.t('The config') : vscode.workspace.asRelativePath(uri);
  return problem(
    'estimate.gone',
    vscode.l10n.t('{0} cannot be opened.', name),
    vscode.l10n.t('Open the config and estimate its memory again.'),
  );
}
