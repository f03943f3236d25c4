import * as vscode from 'vscode';
import { adapterFolder } from '../common/config/adapterFolder';
import type { AdapterLimits, DataFacts, FileFact, LintFacts } from '../common/config/facts';
import { namedPaths } from '../common/config/completion';
import { pathText } from '../common/config/range';
import type { RunConfig } from '../common/config/schema';
import { problem, toProblem } from '../common/errors';
import { compareRows, forecaster, type InspectedModel, type InspectedRows } from '../../webview/engine/inspect';
import { readAdapterFacts, readModelFacts, readRowFacts } from './factFiles';
import { FileCache } from './fileCache';
import type { KnownRates } from './knownRates';
import { placeOf } from './places';

/** Where the rules get what they know beyond the text. */
export interface FactSource {
  /** Never rejects: what cannot be read comes back as a problem of its file. */
  facts(uri: vscode.Uri, config: RunConfig): Promise<LintFacts>;
  /** Fires when a file that facts were read from may have changed. */
  readonly onDidChange: vscode.Event<unknown>;
}

export interface FactOptions {
  readonly extensionUri: vscode.Uri;
  /** Limits of the GPU as last reported; the forecast holds the run against WebGPU's defaults until there are any. */
  readonly limits?: () => AdapterLimits | undefined;
  readonly onDidChangeLimits?: vscode.Event<unknown>;
  /** How fast the GPU was in earlier runs, if there were any. */
  readonly rates?: Pick<KnownRates, 'current' | 'onDidChange'>;
}

/** Reads facts from the files a config names, through VS Code's file systems; what was read is kept until the file changes. */
export class WorkspaceFacts implements FactSource, vscode.Disposable {
  private readonly cache = new FileCache();
  private readonly changed = new vscode.EventEmitter<unknown>();
  private readonly subscriptions: vscode.Disposable[] = [this.changed];
  readonly onDidChange = this.changed.event;

  constructor(private readonly options: FactOptions) {
    const watcher = vscode.workspace.createFileSystemWatcher(
      '**/{*.jsonl,config.json,tokenizer*.json,adapter_config.json}',
    );
    const fire = (uri: unknown) => this.changed.fire(uri);
    this.subscriptions.push(watcher, watcher.onDidChange(fire), watcher.onDidCreate(fire), watcher.onDidDelete(fire));
    if (options.onDidChangeLimits !== undefined) this.subscriptions.push(options.onDidChangeLimits(fire));
    if (options.rates !== undefined) this.subscriptions.push(options.rates.onDidChange(fire));
  }

  async facts(uri: vscode.Uri, config: RunConfig): Promise<LintFacts> {
    const reader = new Reader(this.cache, uri, this.options.extensionUri);
    const model = await reader.read('model', config.model, place => readModelFacts(this.cache, place, config.model));
    const train = await reader.read('data.train', config.data.train, place =>
      readRowFacts(this.cache, place, config.data.train, model),
    );
    const evalPath = config.data.eval;
    const evaluation = await reader.read('data.eval', evalPath, place =>
      readRowFacts(this.cache, place, evalPath ?? '', model),
    );
    const adapterPath = adapterFolder(config)?.path;
    const adapter = await reader.read('method.adapter', adapterPath, place =>
      readAdapterFacts(this.cache, place, config.method.type),
    );
    return this.together({ config, model, train, evaluation, adapter, files: reader.files });
  }

  dispose(): void {
    vscode.Disposable.from(...this.subscriptions).dispose();
  }

  private together(found: Found): LintFacts {
    const { config, model, train, evaluation, adapter, files } = found;
    const data: DataFacts | undefined =
      train === undefined && evaluation === undefined ? undefined : dataFacts(train, evaluation);
    const promptTokens = model?.tokenizer && config.samples.prompts.map(prompt => tokenCount(model, prompt));
    const known = { data, promptTokens, limits: this.options.limits?.() };
    const forecast = model === undefined ? undefined : forecaster(model.config, known);
    return { ...known, files, model: model?.facts, adapter, forecast, rates: this.options.rates?.current };
  }
}

interface Found {
  readonly config: RunConfig;
  readonly model?: InspectedModel;
  readonly train?: InspectedRows;
  readonly evaluation?: InspectedRows;
  readonly adapter?: LintFacts['adapter'];
  readonly files: readonly FileFact[];
}

function tokenCount({ tokenizer }: InspectedModel, prompt: string): number {
  return tokenizer?.encode(prompt, true).length ?? 0;
}

function dataFacts(train: InspectedRows | undefined, evaluation: InspectedRows | undefined): DataFacts {
  const overlap =
    train === undefined || evaluation === undefined ? { sameText: 0, samePrompt: 0 } : compareRows(train, evaluation);
  return { train: train?.facts, eval: evaluation?.facts, ...overlap };
}

/** Reads one named path after the other and keeps what is wrong with each. */
class Reader {
  readonly files: FileFact[] = [];

  constructor(
    private readonly cache: FileCache,
    private readonly configUri: vscode.Uri,
    private readonly extensionUri: vscode.Uri,
  ) {}

  async read<T>(
    key: FileFact['key'],
    path: string | undefined,
    work: (place: vscode.Uri) => Promise<T>,
  ): Promise<T | undefined> {
    if (path === undefined) return undefined;
    const kind = namedPaths().find(named => pathText(named.path) === key)?.kind;
    try {
      const place = placeOf(path, { key, configUri: this.configUri, extensionUri: this.extensionUri });
      const type = await this.cache.typeOf(place.uri);
      if (type === undefined) return this.note({ key, state: 'missing', problem: missing(path, kind).problem });
      if (place.warning) this.files.push({ key, state: 'outside', problem: place.warning });
      return await work(place.uri);
    } catch (error) {
      return this.note({ key, state: 'unusable', problem: toProblem(error) });
    }
  }

  private note(file: FileFact): undefined {
    this.files.push(file);
    return undefined;
  }
}

function missing(path: string, kind: 'file' | 'folder' | undefined) {
  const what = kind === 'folder' ? 'The folder' : 'The file';
  return problem('path.missing', `${what} ${path} does not exist.`, '');
}
