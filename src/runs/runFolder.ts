import { problem, toProblem } from '../common/errors';
import { Emitter, type Disposable } from '../common/lifecycle';
import type { FileSet, HostEvent, RunEvent, TrainEvent } from '../common/run/events';
import { emptyView, fold, foldAll } from '../common/run/fold';
import type { RunManifest, RunView } from '../common/run/view';
import { encodeText, joinPath, type Files } from './files';
import { readFileSet, writeFileSet } from './fileSets';
import { JournalWriter, readJournal } from './journal';
import { readManifest } from './manifest';
import { writeSummary } from './summaryFile';

/*
 * One run on disk: `run.json`, `config.peft.yaml`, `events/`, `checkpoints/step-N/`, `adapter/`. `RunWriter` is the only
 * code that writes there, for the extension and for the headless trainer alike.
 */

/**
 * Creates the folder of a new run.
 *
 * @param folder the run's own folder, e.g. `.peft/runs/ID`.
 * @param clock epoch milliseconds.
 * @throws `run.exists` if the folder already holds a run.
 */
export async function createRun(files: Files, folder: string, init: RunInit, clock: () => number): Promise<RunWriter> {
  if (await files.stat(joinPath(folder, 'run.json'))) {
    throw problem('run.exists', `${folder} already holds a run.`, 'Choose another folder or delete it.');
  }
  await files.write(joinPath(folder, 'config.peft.yaml'), encodeText(init.configText));
  await files.write(joinPath(folder, 'run.json'), encodeText(JSON.stringify(init.manifest, undefined, 2) + '\n'));
  return RunWriter.open(files, folder, emptyView(init.manifest), { lastSeq: 0, clock });
}

/** Opens an existing run to go on writing to it. */
export async function openRun(files: Files, folder: string, clock: () => number): Promise<RunWriter> {
  const manifest = await readManifest(files, folder);
  const { events, lastSeq } = await readJournal(files, folder);
  return RunWriter.open(files, folder, foldAll(manifest, events), { lastSeq, clock });
}

export interface RunInit {
  readonly manifest: RunManifest;
  /** The config as the person wrote it. */
  readonly configText: string;
}

export interface SavedCheckpoint {
  readonly step: number;
  readonly files: FileSet;
}

/** Writes one run. `view` and the announced events never show anything that is not on disk. */
export class RunWriter implements Disposable {
  private readonly appended = new Emitter<readonly RunEvent[]>();
  readonly onDidAppend = this.appended.event;

  private constructor(
    private readonly files: Files,
    readonly folder: string,
    readonly view: RunView,
    private readonly journal: { current?: JournalWriter },
  ) {}

  static async open(
    files: Files,
    folder: string,
    view: RunView,
    options: { lastSeq: number; clock: () => number },
  ): Promise<RunWriter> {
    const journal: { current?: JournalWriter } = {};
    const writer = new RunWriter(files, folder, view, journal);
    const onDurable = (events: readonly RunEvent[]) => {
      for (const event of events) fold(view, event);
      writer.appended.fire(events);
    };
    const beforeWrite = () => writer.assertExists();
    journal.current = await JournalWriter.open(files, folder, { ...options, onDurable, beforeWrite });
    return writer;
  }

  /**
   * Writes events; resolves when they are on disk. Rejects with `run.deleted` if the folder is gone, or with the file
   * system's problem; the events are then kept and written by the next call, which may be one with no events.
   */
  append(events: readonly (TrainEvent | HostEvent)[]): Promise<void> {
    return this.open().append(events);
  }

  /** Writes `checkpoints/step-N/`, records it, and removes those that `save_total_limit` no longer allows. */
  async writeCheckpoint(step: number, set: FileSet, evalLoss?: number): Promise<void> {
    await this.assertExists();
    const path = `checkpoints/step-${step}`;
    await writeFileSet(this.files, joinPath(this.folder, path), set);
    const others = this.view.checkpoints.filter(one => one.step !== step);
    const best =
      evalLoss !== undefined && others.every(one => !(one.evalLoss !== undefined && one.evalLoss <= evalLoss));
    await this.append([{ type: 'checkpoint', step, path, evalLoss, best }]);
    await this.prune();
  }

  /** Writes the result to `adapter/` and records it. Answers its path inside the run folder. */
  async writeResult(set: FileSet): Promise<string> {
    await this.assertExists();
    await writeFileSet(this.files, joinPath(this.folder, 'adapter'), set);
    await this.append([{ type: 'exported', path: 'adapter' }]);
    return 'adapter';
  }

  /** The newest checkpoint whose files are all there and unchanged; a damaged one is reported as a warning event. */
  async lastCheckpoint(): Promise<SavedCheckpoint | undefined> {
    for (const { step, path } of [...this.view.checkpoints].reverse()) {
      try {
        return { step, files: await readFileSet(this.files, joinPath(this.folder, path)) };
      } catch (error) {
        await this.append([{ type: 'warning', problem: toProblem(error) }]);
      }
    }
    return undefined;
  }

  /** Seals the events and leaves a summary for lists. The writer cannot be used afterwards. */
  async close(): Promise<void> {
    await this.assertExists();
    await this.open().close();
    await writeSummary(this.files, this.folder, this.view);
    this.dispose();
  }

  dispose(): void {
    this.appended.dispose();
  }

  private open(): JournalWriter {
    if (!this.journal.current) throw problem('journal.closed', 'The run has not been opened.', 'Report this as a bug.');
    return this.journal.current;
  }

  private async assertExists(): Promise<void> {
    if (await this.files.stat(joinPath(this.folder, 'run.json'))) return;
    await this.removeRemains().catch(() => undefined);
    const hint = 'The run was stopped. Start it again from its config.';
    throw problem('run.deleted', `The run folder ${this.folder} was deleted while the run was going on.`, hint);
  }

  /**
   * A write that was under way while the folder was deleted brings its parents back. Such a folder lacks config, segments
   * and all checkpoints but the one being written; any other is left alone, because somebody may have meant to keep it.
   */
  private async removeRemains(): Promise<void> {
    const { files, folder } = this;
    const names = async (path: string) => (await files.list(path)).map(entry => entry.name);
    const foreign = (await names(folder)).some(name => !['events', 'checkpoints'].includes(name));
    const sealed = (await names(joinPath(folder, 'events'))).some(name => !name.startsWith('tail.'));
    const checkpoints = await names(joinPath(folder, 'checkpoints'));
    if (!foreign && !sealed && checkpoints.length <= 1) await files.remove(folder);
  }

  private async prune(): Promise<void> {
    const limit = this.view.manifest.config.training.save_total_limit;
    if (limit === undefined) return;
    const extra = this.view.checkpoints.slice(0, -limit).filter(one => !one.best);
    if (extra.length === 0) return;
    for (const { path } of extra) await this.files.remove(joinPath(this.folder, path));
    await this.append([{ type: 'pruned', steps: extra.map(one => one.step) }]);
  }
}
