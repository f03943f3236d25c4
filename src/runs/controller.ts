import { problem, toProblem, type Problem } from '../common/errors';
import { DisposableStore, Emitter, type Disposable } from '../common/lifecycle';
import type { EngineCommand, EngineNotification, TrainJob } from '../common/protocol';
import type { RunState } from '../common/run/events';
import { makeRunId } from '../common/run/runId';
import { isResumable } from '../common/run/stateMachine';
import type { RunManifest, RunView } from '../common/run/view';
import { ActiveRun, type Ending } from './activeRun';
import { assertSameInputs, type BuiltJob } from './builtJob';
import type { EngineLink, JobSource, Timer } from './engine';
import { Holding } from './holding';
import { FolderLock } from './lock';
import type { RunWriter } from './runFolder';
import type { RunStore, StoreRoot } from './store';

/** A lost device or a crashed worker is started again this often per run. */
const maxRestarts = 3;

export interface ControllerDeps {
  readonly store: RunStore;
  readonly engine: EngineLink;
  readonly jobs: JobSource;
  readonly timer: Timer;
  /** Names this window in locks. */
  readonly session: string;
  readonly engineVersion: string;
  /** A number in [0, 1), for run ids. */
  readonly random: () => number;
}

/** A config to run. */
export interface RunRequest {
  /** Key of the workspace folder. */
  readonly folder: string;
  readonly configPath: string;
  readonly configText: string;
}

export interface RunEnd {
  readonly view: RunView;
  readonly problem?: Problem;
}

/** Life of runs: one at a time is on the engine; the rest of the extension asks here and listens to the store. */
export class RunController implements Disposable {
  private readonly disposables = new DisposableStore();
  private readonly changed = this.disposables.add(new Emitter<void>());
  private readonly ended = this.disposables.add(new Emitter<RunEnd>());
  private readonly launched = this.disposables.add(new Emitter<string>());
  private readonly faults = this.disposables.add(new Emitter<Problem>());
  private run: ActiveRun | undefined;
  /** Identity of the start, resumption or run that has the engine. */
  private reservation: object | undefined;
  private holding: Holding | undefined;
  /** The end of a run, from before its last line is written until its files are closed; the next one waits for it. */
  private ending: Promise<void> | undefined;
  /** The controller became busy, idle, held or released. */
  readonly onDidChange = this.changed.event;
  /** A run was created or taken up and is about to be handed to the engine. */
  readonly onDidLaunch = this.launched.event;
  readonly onDidEnd = this.ended.event;
  /** Something went wrong of which no caller hears. */
  readonly onProblem = this.faults.event;

  constructor(private readonly deps: ControllerDeps) {
    this.disposables.add(deps.engine.onNotification(body => this.hear(body)));
    this.disposables.add(deps.engine.onLost(reason => this.lost(reason)));
  }

  /** The run on the engine. */
  get active(): RunView | undefined {
    return this.run?.writer.view;
  }

  /** Why nothing can be written at the moment, if so; the run waits and `resume` tries again. */
  get heldBy(): Problem | undefined {
    return this.run?.heldBy;
  }

  /** A run has ended; its last line is being written or its files are being closed. It takes no more commands. */
  get isClosing(): boolean {
    return this.ending !== undefined;
  }

  get isBusy(): boolean {
    return this.reservation !== undefined && this.ending === undefined;
  }

  /** Starts a new run and answers its id once the engine has accepted it. */
  start(request: RunRequest): Promise<string> {
    return this.exclusively(async () => {
      const root = this.rootOf(request.folder);
      const config = this.deps.jobs.check(request.configText, request.configPath);
      const name = config.name ?? baseName(request.configPath);
      await this.hold(root, name);
      await this.deps.engine.ready();
      const built = await this.deps.jobs.build(config, request.folder, request.configPath);
      const manifest = this.manifestOf(name, request, built);
      const writer = await this.deps.store.create(root, { manifest, configText: request.configText });
      await this.launch(writer, built);
      return manifest.id;
    });
  }

  /** Takes a run up again from its last checkpoint, or from the start if it has none. */
  resume(id: string): Promise<void> {
    if (this.run?.id === id && !this.isClosing) return this.command(id, 'resume');
    return this.exclusively(async () => {
      const entry = this.deps.store.find(id);
      if (!entry) throw problem('run.unknown', `There is no run "${id}".`, 'It may have been deleted.');
      const { state, name } = entry.summary;
      if (!isResumable(state)) throw problem('run.notResumable', `${name} is ${state}.`, 'Start a new run instead.');
      await this.hold(entry.root, name);
      await this.deps.engine.ready();
      const { manifest } = await this.deps.store.view(id);
      const built = await this.deps.jobs.build(manifest.config, entry.root.key, manifest.configPath);
      assertSameInputs(manifest, built);
      await this.launch(await this.deps.store.open(id), built);
    });
  }

  /** Passes a command to the run on the engine. */
  async command(id: string, command: EngineCommand): Promise<void> {
    const run = this.run;
    if (run?.id !== id || this.isClosing)
      throw problem('run.notActive', 'This run is not on the engine.', 'Start or resume it first.');
    const isHeld = run.heldBy !== undefined && (command === 'resume' || command === 'stop');
    if (isHeld) {
      run.retry();
      this.changed.fire();
    }
    if (command === 'stop') run.setState('stopping');
    // The engine may have finished while writing had to wait; then there is nothing to tell it.
    if (isHeld) this.tell(id, command);
    else await this.deps.engine.request('command', { runId: id, command });
  }

  dispose(): void {
    this.holding?.dispose();
    this.disposables.dispose();
  }

  /** Gives the lock back; for the orderly end of the window. */
  async shutdown(): Promise<void> {
    await this.holding?.release();
  }

  private async exclusively<T>(work: () => Promise<T>): Promise<T> {
    await this.ending;
    if (this.reservation) {
      throw problem('run.busy', 'Another run is on the engine.', 'Queue this one, or stop the other first.');
    }
    const reservation = {};
    this.reservation = reservation;
    this.changed.fire();
    try {
      return await work();
    } catch (error) {
      if (this.reservation === reservation && !this.run) await this.free();
      throw error;
    }
  }

  private rootOf(key: string): StoreRoot {
    const root = this.deps.store.root(key);
    if (!root) throw problem('run.noFolder', 'The config is not in a workspace folder.', 'Open its folder first.');
    return root;
  }

  private async hold(root: StoreRoot, name: string): Promise<void> {
    const lock = new FolderLock(root.files, this.deps.session, this.deps.timer);
    await lock.acquire(name);
    this.holding = new Holding(lock, name, this.deps, () => this.abandon());
  }

  private manifestOf(name: string, request: RunRequest, built: BuiltJob): RunManifest {
    const createdAt = this.deps.timer.now();
    const { config, model } = built.job;
    return {
      id: makeRunId(name, createdAt, this.deps.random()),
      name,
      createdAt,
      config,
      configPath: request.configPath,
      model: { label: model.label, fingerprint: built.fingerprint },
      data: built.data,
      engineVersion: this.deps.engineVersion,
    };
  }

  private async launch(writer: RunWriter, built: BuiltJob): Promise<void> {
    const job: TrainJob = { ...built.job, runId: writer.view.manifest.id };
    const run = new ActiveRun(writer, job, {
      beforeWrite: () => this.holding?.confirm() ?? Promise.resolve(),
      onHeld: reason => this.held(run, reason),
      onEnded: ending => void this.finish(run, ending),
    });
    this.run = run;
    this.changed.fire();
    this.launched.fire(run.id);
    try {
      await writer.append(built.warnings.map(warning => ({ type: 'warning', problem: warning }) as const));
      await this.handOver(run);
    } catch (error) {
      await this.finish(run, { stopped: false, problem: toProblem(error) });
      throw error;
    }
  }

  private async handOver(run: ActiveRun): Promise<void> {
    await run.writer.append([{ type: 'state', state: 'starting' }]);
    const checkpoint = await run.writer.lastCheckpoint();
    await this.deps.engine.request('start', { job: { ...run.job, checkpoint: checkpoint?.files } });
  }

  private hear(body: EngineNotification): void {
    if ('runId' in body && body.runId === this.run?.id) this.run.take(body);
  }

  private lost(reason: Problem): void {
    this.run?.take({ type: 'ended', runId: this.run.id, problem: reason });
  }

  private held(run: ActiveRun, reason: Problem): void {
    if (this.run !== run) return;
    this.faults.fire(reason);
    if (reason.code === 'run.deleted') void this.abandon().then(() => this.deps.store.refresh());
    else {
      this.tell(run.id, 'pause');
      this.changed.fire();
    }
  }

  /** Sends a command whose refusal matters to nobody. */
  private tell(runId: string, command: EngineCommand): void {
    this.deps.engine.request('command', { runId, command }).catch(() => undefined);
  }

  private async finish(run: ActiveRun, ending: Ending): Promise<void> {
    if (this.run !== run || this.isClosing) return;
    const stopping = run.writer.view.state === 'stopping';
    if (ending.problem && isRestartable(ending.problem) && !stopping && run.restarts < maxRestarts) {
      run.restarts++;
      if (await this.restart(run, ending.problem)) return;
    }
    const state = ending.problem ? (stopping ? 'interrupted' : 'failed') : ending.stopped ? 'stopped' : 'completed';
    this.ending = this.close(run, state, ending.problem);
    await this.ending;
    this.ended.fire({ view: run.writer.view, problem: ending.problem });
  }

  private async close(run: ActiveRun, state: RunState, reason?: Problem): Promise<void> {
    const report = (error: unknown): void => this.faults.fire(toProblem(error));
    await run.writer.append([{ type: 'state', state, problem: reason }]).catch(report);
    this.run = undefined;
    this.changed.fire();
    await this.deps.store.release(run.id).catch(report);
    await this.free();
    this.ending = undefined;
  }

  /** Answers whether the run goes on. */
  private async restart(run: ActiveRun, reason: Problem): Promise<boolean> {
    try {
      await run.writer.append([{ type: 'warning', problem: reason }]);
      await this.deps.engine.ready();
      await this.handOver(run);
      return true;
    } catch (error) {
      this.faults.fire(toProblem(error));
      return false;
    }
  }

  /** Lets go of the run without writing another byte: its folder is gone or belongs to another window. */
  private async abandon(): Promise<void> {
    const run = this.run;
    this.run = undefined;
    if (run) {
      this.tell(run.id, 'stop');
      this.deps.store.forget(run.id);
    }
    await this.free();
  }

  private async free(): Promise<void> {
    const holding = this.holding;
    this.holding = undefined;
    this.reservation = undefined;
    await holding?.release().catch((error: unknown) => this.faults.fire(toProblem(error)));
    this.changed.fire();
  }
}

/** Whether starting again from a checkpoint can help. */
function isRestartable(reason: Problem): boolean {
  return reason.code === 'device.lost' || reason.code === 'engine.lost';
}

function baseName(path: string): string {
  const file = path.slice(path.lastIndexOf('/') + 1);
  return file.replace(/\.peft\.(ya?ml|json)$/i, '') || file;
}
