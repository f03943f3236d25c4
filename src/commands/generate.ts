import * as vscode from 'vscode';
import { problem, ProblemError } from '../common/errors';
import type { GenerationJob, GenerationModel, GenerationResult } from '../common/protocol';
import { assertTrusted } from '../runs/jobSource';
import { cacheTable } from './cacheTable';
import { askPrompt, type Asked } from './generatePrompt';
import { baseTarget, builtinTarget, runTarget, type GenerationTarget } from './generateTarget';
import type { Services } from './services';
import { askSeveral, combinable } from './severalAdapters';
import { runIdsFrom } from './targets';

type Needs = Pick<Services, 'store' | 'engine' | 'extensionUri' | 'controller'>;

/** Longest text in tokens; models with fewer positions take what they have. */
const rows = 1024;

/** `Generate…`: completes a prompt with a run's adapter or a base model, streaming into an output channel. */
export class Generator implements vscode.Disposable {
  private channel: vscode.OutputChannel | undefined;
  private asked: Asked = { prompt: '', useCache: true };

  constructor(private readonly services: Needs) {}

  /** Asks for what the command does not name. Answers the completion, `undefined` if the person cancelled. */
  async run(args: readonly unknown[]): Promise<GenerationResult | undefined> {
    assertTrusted();
    this.refuseWhileTraining();
    const target = await this.chooseTarget(args);
    if (!target) return undefined;
    const named = typeof args[1] === 'string' ? args[1] : undefined;
    const asked: Asked | undefined = named === undefined ? await this.ask(target) : { prompt: named, useCache: true };
    if (!asked) return undefined;
    this.refuseWhileTraining();
    if (!asked.compare) return this.complete(target, asked);
    await this.compare(target, asked.prompt);
    return undefined;
  }

  dispose(): void {
    this.channel?.dispose();
  }

  private refuseWhileTraining(): void {
    if (!this.services.controller.isBusy) return;
    throw problem(
      'generate.training',
      vscode.l10n.t('A run is training, and there is one GPU.'),
      vscode.l10n.t('Wait until it ends, or stop it, then generate.'),
    );
  }

  private async ask(target: GenerationTarget): Promise<Asked | undefined> {
    const prompt = this.asked.prompt || (target.samples.prompts.at(0) ?? '');
    const title = vscode.l10n.t('Generate with {0}', target.label);
    const asked = await askPrompt(title, { ...this.asked, prompt });
    if (asked) this.asked = { prompt: asked.prompt, useCache: asked.useCache };
    return asked;
  }

  private async chooseTarget(args: readonly unknown[]): Promise<GenerationTarget | undefined> {
    const { store } = this.services;
    const named = runIdsFrom(args.slice(0, 1)).at(0);
    const entry = named === undefined ? undefined : store.find(named);
    if (entry) return runTarget(this.services, entry);
    const runs = store.runs.filter(run => run.summary.exported !== undefined);
    const items = [
      ...runs.map(run => ({
        label: run.summary.name,
        description: run.summary.method,
        detail: new Date(run.summary.createdAt).toLocaleString(vscode.env.language),
        make: () => runTarget(this.services, run),
      })),
      ...(combinable(runs).length > 1
        ? [
            {
              label: vscode.l10n.t('Several adapters…'),
              description: vscode.l10n.t('added up with weights'),
              detail: undefined,
              make: () => askSeveral(this.services, runs),
            },
          ]
        : []),
      ...runs.map(run => ({
        label: vscode.l10n.t('Base model of {0}', run.summary.name),
        description: vscode.l10n.t('untouched'),
        detail: undefined,
        make: async () => baseTarget(this.services, run, await store.view(run.id)),
      })),
      {
        label: 'builtin:tiny',
        description: undefined,
        detail: undefined,
        make: () => Promise.resolve(builtinTarget(this.services)),
      },
    ];
    const picked = await vscode.window.showQuickPick(items, { title: vscode.l10n.t('Generate with what?') });
    return picked?.make();
  }

  private complete(target: GenerationTarget, asked: Asked): Thenable<GenerationResult> {
    const channel = (this.channel ??= vscode.window.createOutputChannel('PEFT Generate'));
    channel.appendLine(`── ${target.label} ──`);
    channel.append(asked.prompt);
    channel.show(true);
    const options = {
      location: vscode.ProgressLocation.Notification,
      title: vscode.l10n.t('Generating with {0}', target.label),
      cancellable: true,
    };
    return vscode.window.withProgress(options, async (progress, token) => {
      const { engine } = this.services;
      const started = Date.now();
      let written = 0;
      const write = (text: string, tokens: number) => {
        channel.append(text.slice(written));
        written = text.length;
        const rate = (tokens * 1000) / Math.max(1, Date.now() - started);
        progress.report({ message: vscode.l10n.t('{0} tokens, {1} a second', tokens, rate.toFixed(1)) });
      };
      const listening = vscode.Disposable.from(
        engine.onGenerated(({ text, tokens }) => write(settled(text), tokens)),
        token.onCancellationRequested(() => void engine.request('cancelGeneration', {})),
      );
      try {
        const result = await this.request(target, asked);
        write(result.text, result.tokens);
        channel.appendLine(`\n${summary(result, asked)}\n`);
        return result;
      } catch (error) {
        channel.appendLine('');
        throw error;
      } finally {
        listening.dispose();
      }
    });
  }

  /** Times both ways to generate and opens a page with the result. */
  private async compare(target: GenerationTarget, prompt: string): Promise<void> {
    const { engine } = this.services;
    const options = {
      location: vscode.ProgressLocation.Notification,
      title: vscode.l10n.t('Timing {0} with and without the key-value cache', target.label),
      cancellable: true,
    };
    const result = await vscode.window.withProgress(options, async (_, token) => {
      const listening = token.onCancellationRequested(() => void engine.request('cancelGeneration', {}));
      try {
        return await this.withModel(target, { prompt, ways: 'both' }, job => engine.request('compareCache', { job }));
      } finally {
        listening.dispose();
      }
    });
    if (result.cancelled) return;
    const content = cacheTable(result, target.label);
    await vscode.window.showTextDocument(await vscode.workspace.openTextDocument({ language: 'markdown', content }));
  }

  private request(target: GenerationTarget, { prompt, useCache }: Asked): Promise<GenerationResult> {
    const { engine } = this.services;
    const ways = useCache ? 'cache' : 'full';
    return this.withModel(target, { prompt, ways }, job => engine.request('generate', { job }));
  }

  /** The model stays on the GPU between texts; it is sent only when it is not there. */
  private async withModel<T>(
    target: GenerationTarget,
    { prompt, ways }: { readonly prompt: string; readonly ways: GenerationModel['ways'] },
    work: (job: GenerationJob) => Promise<T>,
  ): Promise<T> {
    const { engine } = this.services;
    await engine.ready();
    const { files: model, fingerprint } = await target.readModel();
    const { memory, adapters, samples, seed } = target;
    const key = JSON.stringify([fingerprint, memory, ways]);
    const job: GenerationJob = { key, adapters, prompt, samples, seed };
    try {
      return await work(job);
    } catch (error) {
      if (!(error instanceof ProblemError) || error.problem.code !== 'generate.notLoaded') throw error;
    }
    await engine.request('openModel', { job: { key, model, memory, rows, ways } });
    return work(job);
  }
}

/** The text without a character at its end that is not complete yet. */
function settled(text: string): string {
  return text.replace(/\uFFFD+$/, '');
}

function summary({ tokens, ms, cancelled }: GenerationResult, { useCache }: Asked): string {
  const rate = ((tokens * 1000) / Math.max(1, ms)).toFixed(1);
  const cache = useCache ? vscode.l10n.t('with cache') : vscode.l10n.t('without cache');
  const text = vscode.l10n.t('{0} tokens, {1} a second, {2}', tokens, rate, cache);
  return cancelled ? `[${text}, ${vscode.l10n.t('cancelled')}]` : `[${text}]`;
}
