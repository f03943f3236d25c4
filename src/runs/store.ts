import { problem, toProblem, type Problem } from '../common/errors';
import { Emitter, type Disposable } from '../common/lifecycle';
import type { RunEvent } from '../common/run/events';
import { foldAll } from '../common/run/fold';
import { isRunId } from '../common/run/runId';
import { isActive } from '../common/run/stateMachine';
import { summarize, type RunSummary } from '../common/run/summary';
import type { RunManifest, RunView } from '../common/run/view';
import { joinPath, type Files } from './files';
import { readJournal } from './journal';
import { readManifest } from './manifest';
import { createRun, openRun, type RunInit, type RunWriter } from './runFolder';
import { readSummary, writeSummary } from './summaryFile';

const runsFolder = '.peft/runs';

/** A workspace folder. */
export interface StoreRoot {
  /** Stable key, e.g. its URI. */
  readonly key: string;
  readonly files: Files;
}

/** A run as lists show it. */
export interface RunEntry {
  readonly root: StoreRoot;
  readonly id: string;
  /** Path of the run's folder inside the root. */
  readonly folder: string;
  readonly summary: RunSummary;
}

/** A folder under `.peft/runs` that cannot be shown as a run. */
export interface BrokenRun {
  readonly root: StoreRoot;
  readonly id: string;
  readonly problem: Problem;
}

/** All runs of all workspace folders. Lists come from summaries; a run's events are read when it is looked at. */
export class RunStore implements Disposable {
  private entries = new Map<string, RunEntry>();
  private brokenRuns: readonly BrokenRun[] = [];
  private readonly writers = new Map<string, RunWriter>();
  private readonly releasing = new Map<string, Promise<void>>();
  /** Folded runs at rest that were looked at, newest last. */
  private readonly views = new Map<string, RunView>();
  private readonly changed = new Emitter<void>();
  private readonly appended = new Emitter<{ readonly runId: string; readonly events: readonly RunEvent[] }>();
  readonly onDidChange = this.changed.event;
  readonly onDidAppend = this.appended.event;

  constructor(
    private roots: readonly StoreRoot[],
    private readonly clock: () => number,
  ) {}

  /** Newest first. */
  get runs(): readonly RunEntry[] {
    return [...this.entries.values()].sort(
      (a, b) => b.summary.createdAt - a.summary.createdAt || (a.id < b.id ? 1 : -1),
    );
  }

  get broken(): readonly BrokenRun[] {
    return this.brokenRuns;
  }

  find(id: string): RunEntry | undefined {
    return this.entries.get(id);
  }

  root(key: string): StoreRoot | undefined {
    return this.roots.find(one => one.key === key);
  }

  /** Reads the list again, e.g. after files were changed by somebody else or the workspace has other folders. */
  async refresh(roots: readonly StoreRoot[] = this.roots): Promise<void> {
    this.roots = roots;
    const found = await Promise.all(roots.map(root => this.readRoot(root)));
    const entries = new Map(found.flatMap(one => one.entries).map(entry => [entry.id, entry]));
    for (const id of this.writers.keys()) {
      const live = this.entries.get(id); // created while the folders were being read
      if (live && !entries.has(id)) entries.set(id, live);
    }
    for (const id of this.views.keys()) {
      if (entries.get(id)?.summary.updatedAt !== this.views.get(id)?.updatedAt) this.views.delete(id);
    }
    this.entries = entries;
    this.brokenRuns = found.flatMap(one => one.broken);
    this.changed.fire();
  }

  /** The folded run; the one that is being written is always the newest state on disk. */
  async view(id: string): Promise<RunView> {
    const live = this.writers.get(id)?.view ?? this.views.get(id);
    if (live) return live;
    const { root, folder } = this.entry(id);
    const view = await foldRun(root.files, folder);
    this.views.set(id, view);
    if (this.views.size > 8) this.views.delete([...this.views.keys()][0]);
    return view;
  }

  /** Creates a run; the caller closes the writer through {@link release}. */
  async create(root: StoreRoot, init: RunInit): Promise<RunWriter> {
    const folder = joinPath(runsFolder, init.manifest.id);
    return this.adopt(root, await createRun(root.files, folder, init, this.clock));
  }

  /** Opens a run at rest for writing. */
  async open(id: string): Promise<RunWriter> {
    if (this.writers.has(id)) throw problem('run.active', 'This run is going on already.', 'Wait until it has ended.');
    const { root, folder } = this.entry(id);
    return this.adopt(root, await openRun(root.files, folder, this.clock));
  }

  /** Ends writing to a run; what was appended stays readable. */
  release(id: string): Promise<void> {
    const releasing = this.releasing.get(id) ?? this.close(id).finally(() => this.releasing.delete(id));
    this.releasing.set(id, releasing);
    return releasing;
  }

  /** Ends writing to a run without touching its folder, because it is gone or somebody else's. */
  forget(id: string): void {
    this.writers.get(id)?.dispose();
    this.writers.delete(id);
    this.changed.fire();
  }

  /** Moves a run's folder to the trash. Refused while the run is going on. */
  async remove(id: string, options: { readonly trash: boolean }): Promise<void> {
    await this.releasing.get(id);
    const broken = this.brokenRuns.find(one => one.id === id);
    const root = broken?.root ?? this.entry(id).root;
    if (this.writers.has(id)) throw problem('run.active', 'This run is going on.', 'Stop it before deleting it.');
    await root.files.remove(joinPath(runsFolder, id), options);
    this.entries.delete(id);
    this.views.delete(id);
    this.brokenRuns = this.brokenRuns.filter(one => one.id !== id);
    this.changed.fire();
  }

  /** Records what the runs that nobody is writing any more had no time to say: they were cut off. */
  async markInterrupted(root: StoreRoot): Promise<readonly string[]> {
    const left = this.runs.filter(
      run => run.root.key === root.key && isActive(run.summary.state) && !this.writers.has(run.id),
    );
    for (const { id } of left) {
      const writer = await this.open(id);
      await writer.append([{ type: 'state', state: 'interrupted' }]);
      await this.release(id);
    }
    return left.map(run => run.id);
  }

  dispose(): void {
    for (const writer of this.writers.values()) writer.dispose();
    this.changed.dispose();
    this.appended.dispose();
  }

  private async close(id: string): Promise<void> {
    const writer = this.writers.get(id);
    if (!writer) return;
    try {
      await writer.close();
    } finally {
      writer.dispose();
      this.writers.delete(id);
      if (this.entries.has(id)) this.views.set(id, writer.view);
      this.changed.fire();
    }
  }

  private entry(id: string): RunEntry {
    const entry = this.entries.get(id);
    if (!entry) throw problem('run.unknown', `There is no run "${id}" in this workspace.`, 'It may have been deleted.');
    return entry;
  }

  private adopt(root: StoreRoot, writer: RunWriter): RunWriter {
    const { id } = writer.view.manifest;
    const update = () => {
      const summary = summarize(writer.view);
      this.entries.set(id, { root, id, folder: writer.folder, summary });
    };
    this.writers.set(id, writer);
    this.views.delete(id);
    update();
    writer.onDidAppend(events => {
      update();
      this.appended.fire({ runId: id, events });
      if (events.some(event => listed.has(event.type))) this.changed.fire();
    });
    this.changed.fire();
    return writer;
  }

  private async readRoot(root: StoreRoot): Promise<{ entries: RunEntry[]; broken: BrokenRun[] }> {
    const folders = (await root.files.list(runsFolder)).filter(entry => entry.folder && isRunId(entry.name));
    const read = await Promise.all(folders.map(({ name }) => this.readEntry(root, name)));
    return {
      entries: read.filter(one => 'summary' in one),
      broken: read.filter(one => 'problem' in one),
    };
  }

  private async readEntry(root: StoreRoot, id: string): Promise<RunEntry | BrokenRun> {
    const folder = joinPath(runsFolder, id);
    const live = this.writers.get(id);
    try {
      if (live) return { root, id, folder, summary: summarize(live.view) };
      const summary = (await readSummary(root.files, folder)) ?? (await rebuildSummary(root.files, folder));
      return { root, id, folder, summary: { ...summary, id } };
    } catch (error) {
      return { root, id, problem: toProblem(error) };
    }
  }
}

/** Events that change what a list says about a run; the others come ten times a second. */
const listed: ReadonlySet<RunEvent['type']> = new Set(['started', 'state', 'evaluation', 'checkpoint', 'exported']);

async function foldRun(files: Files, folder: string): Promise<RunView> {
  const [manifest, journal] = await Promise.all([readManifest(files, folder), readJournal(files, folder)]);
  return withProblems(manifest, journal.events, journal.problems);
}

function withProblems(manifest: RunManifest, events: readonly RunEvent[], problems: readonly Problem[]): RunView {
  const view = foldAll(manifest, events);
  view.warnings.push(...problems);
  return view;
}

async function rebuildSummary(files: Files, folder: string): Promise<RunSummary> {
  const view = await foldRun(files, folder);
  // A summary only saves time; a folder that cannot be written is still shown.
  await writeSummary(files, folder, view).catch(() => undefined);
  return summarize(view);
}
