import * as vscode from 'vscode';
import type { LintFacts } from '../common/config/facts';
import { diagnose, type Diagnosis } from '../common/config/lint';
import { parseConfig, type ParsedConfig } from '../common/config/parse';
import type { FactSource } from './facts';
import { isConfig } from './selector';

/** Pause in typing after which the files a config names are looked at again. */
const quietMs = 250;

interface Entry {
  version: number;
  parsed: ParsedConfig;
  /** As last known; a keystroke later they may belong to the text before it. */
  facts: LintFacts;
  timer?: ReturnType<typeof setTimeout>;
}

/** What is known about each open config. Parsing is immediate, facts follow when typing pauses. */
export class ConfigAnalysis implements vscode.Disposable {
  private readonly entries = new Map<string, Entry>();
  private readonly changed = new vscode.EventEmitter<vscode.TextDocument>();
  private readonly subscriptions: vscode.Disposable[];

  /** Fires when the diagnoses of a document may have changed. */
  readonly onDidChange = this.changed.event;

  constructor(private readonly source: FactSource) {
    this.subscriptions = [
      this.changed,
      source.onDidChange(() => this.openConfigs().forEach(document => this.schedule(document))),
      vscode.workspace.onDidOpenTextDocument(document => this.schedule(document)),
      vscode.workspace.onDidChangeTextDocument(({ document }) => this.schedule(document)),
      vscode.workspace.onDidCloseTextDocument(document => this.forget(document)),
    ];
  }

  /** Looks at every config that is open already. */
  start(): void {
    this.openConfigs().forEach(document => this.schedule(document));
  }

  parsed(document: vscode.TextDocument): ParsedConfig {
    return this.entry(document).parsed;
  }

  facts(document: vscode.TextDocument): LintFacts {
    return this.entry(document).facts;
  }

  diagnoses(document: vscode.TextDocument): Diagnosis[] {
    const { parsed, facts } = this.entry(document);
    return diagnose(parsed, facts);
  }

  dispose(): void {
    for (const entry of this.entries.values()) clearTimeout(entry.timer);
    this.entries.clear();
    vscode.Disposable.from(...this.subscriptions).dispose();
  }

  private openConfigs(): vscode.TextDocument[] {
    return vscode.workspace.textDocuments.filter(document => isConfig(document));
  }

  private entry(document: vscode.TextDocument): Entry {
    const key = document.uri.toString();
    const known = this.entries.get(key);
    if (known?.version === document.version) return known;
    const parsed = parseConfig(document.getText());
    const entry: Entry = { facts: {}, ...known, version: document.version, parsed };
    if (!document.isClosed) this.entries.set(key, entry);
    return entry;
  }

  private schedule(document: vscode.TextDocument): void {
    if (!isConfig(document)) return;
    const entry = this.entry(document);
    clearTimeout(entry.timer);
    entry.timer = setTimeout(() => void this.refresh(document), quietMs);
  }

  private async refresh(document: vscode.TextDocument): Promise<void> {
    const { version, parsed } = this.entry(document);
    this.changed.fire(document);
    if (parsed.value === undefined || document.isClosed) return;
    const facts = await this.source.facts(document.uri, parsed.value);
    if (document.isClosed || document.version !== version) return;
    this.entry(document).facts = facts;
    this.changed.fire(document);
  }

  private forget(document: vscode.TextDocument): void {
    const key = document.uri.toString();
    clearTimeout(this.entries.get(key)?.timer);
    this.entries.delete(key);
  }
}
