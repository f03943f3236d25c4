import * as vscode from 'vscode';
import { registerComparisonCommands } from './commands/comparisonCommands';
import { Generator } from './commands/generate';
import { GpuDoctor } from './commands/gpuDoctor';
import { Registrar } from './commands/registrar';
import { registerRunCommands } from './commands/runCommands';
import { invokeAction, registerFolderCommands } from './commands/runFolderCommands';
import type { Services } from './commands/services';
import { enqueueConfigs } from './commands/startComparison';
import { Comparisons } from './comparison/panels';
import { WorkspaceFacts, type FactOptions } from './configEditor/facts';
import { KnownRates } from './configEditor/knownRates';
import { registerConfigEditor } from './configEditor/register';
import { Overlays } from './dashboard/overlays';
import { Dashboards } from './dashboard/panels';
import { StatusFeed } from './engineView/statusFeed';
import { EngineView } from './engineView/view';
import { Estimates } from './estimate/panels';
import { ContextKeys } from './explorer/contextKeys';
import { announceEnd } from './explorer/endNotice';
import { StatusBar } from './explorer/statusBar';
import { registerExplorer } from './explorer/views';
import { RunController } from './runs/controller';
import { workspaceJobs } from './runs/jobSource';
import { RunQueue } from './runs/queue';
import { Scheduler } from './runs/scheduler';
import { SessionStart, type SessionDeps } from './runs/sessionStart';
import { RunStore } from './runs/store';
import { systemTimer, workspaceRoots } from './runs/workspaceRoots';

/** What tests inside the extension host may look at. */
export interface ExtensionApi extends Services {
  /** Resolves when the runs of the last session have been looked at. */
  readonly settled: Promise<void>;
}

let controller: RunController | undefined;

export function activate(context: vscode.ExtensionContext): ExtensionApi {
  const own = <T extends vscode.Disposable>(item: T): T => {
    context.subscriptions.push(item);
    return item;
  };
  const { extensionUri } = context;
  const { version } = context.extension.packageJSON as { version: string };
  const log = own(vscode.window.createOutputChannel('PEFT Workbench', { log: true }));
  const registrar = own(new Registrar(log));
  const session = crypto.randomUUID();
  const store = own(new RunStore(workspaceRoots(), systemTimer.now));
  const engine = own(new EngineView(extensionUri));
  const jobs = workspaceJobs(extensionUri, engine);
  const deps = { store, engine, jobs, timer: systemTimer, session, engineVersion: version, random: Math.random };
  controller = own(new RunController(deps));
  const running = controller;
  const queue = own(new RunQueue(workspaceRoots()[0]?.files, problem => registrar.report(problem)));
  const scheduler = own(new Scheduler(queue, running, problem => registrar.report(problem)));
  const { workspaceState } = context;
  const overlays = own(new Overlays(workspaceState.get<string[]>('peft.overlays')));
  own(overlays.onDidChange(() => void workspaceState.update('peft.overlays', overlays.ids)));
  const dashboards = own(
    new Dashboards({
      extensionUri,
      store,
      overlays,
      log,
      invoke: invokeAction,
      command: (runId, command) => (command === 'resume' ? running.resume(runId) : running.command(runId, command)),
    }),
  );
  const comparisons = own(
    new Comparisons({
      extensionUri,
      store,
      queue,
      log,
      openRun: runId => dashboards.show(runId),
      enqueue: configs => enqueueConfigs({ scheduler }, configs),
    }),
  );
  const views = beside(dashboards, comparisons, store);
  const start = own(new SessionStart({ store, controller: running, queue, dashboards: views, session, log }));
  const feed = own(new StatusFeed(engine, running, store));
  const rates = own(new KnownRates(store, () => feed.adapter));
  const facts = own(new WorkspaceFacts({ extensionUri, rates, ...limitsOf(feed) }));
  const estimates = own(new Estimates({ extensionUri, facts, log }));
  const services: Services = {
    extensionUri,
    log,
    store,
    controller: running,
    queue,
    scheduler,
    engine,
    dashboards,
    overlays,
    comparisons,
    estimates,
    facts,
    refresh: () => start.refresh(),
  };

  own(registerPages(services));
  own(registerExplorer(services, problem => registrar.report(problem)));
  own(new StatusBar(store, running));
  own(new ContextKeys(services));
  const doctor = own(new GpuDoctor(engine));
  const generator = own(new Generator(services));
  own(registerConfigEditor({ extensionUri, facts }));
  registerRunCommands(registrar, services);
  registerFolderCommands(registrar, services, doctor);
  registrar.addAll({ 'peft.generate': (...args) => generator.run(args) });
  registerComparisonCommands(registrar, services);

  own(running.onProblem(problem => registrar.report(problem)));
  own(running.onDidEnd(end => void announceEnd(end, dashboards)));
  own(engine.onFault(fault => log.warn(`engine: ${fault.message}`)));
  own(engine.onDidPress(command => void pressed(command)));
  return { ...services, settled: start.begin() };
}

/** The Engine view, which runs while it is hidden, and the pages that come back after a reload. */
function registerPages({ engine, dashboards, comparisons, estimates }: Services): vscode.Disposable {
  const { registerWebviewPanelSerializer: restored, registerWebviewViewProvider: provided } = vscode.window;
  return vscode.Disposable.from(
    provided(EngineView.id, engine, { webviewOptions: { retainContextWhenHidden: true } }),
    restored(Dashboards.viewType, dashboards),
    restored(Comparisons.viewType, comparisons),
    restored(Estimates.viewType, estimates),
  );
}

function limitsOf(feed: StatusFeed): Pick<FactOptions, 'limits' | 'onDidChangeLimits'> {
  return { limits: () => feed.adapter?.limits, onDidChangeLimits: feed.onDidChangeAdapter };
}

/** A run that starts opens its dashboard, unless a comparison on show draws it already. */
function beside(dashboards: Dashboards, comparisons: Comparisons, store: RunStore): SessionDeps['dashboards'] {
  return {
    refresh: () => dashboards.refresh(),
    show: (id, options) => {
      const run = store.find(id);
      if (run && comparisons.showsConfig(run.root.key, run.summary.configPath)) return;
      dashboards.show(id, options);
    },
  };
}

/** Buttons of the Engine view are the commands of the palette. */
async function pressed(command: string): Promise<void> {
  await vscode.commands.executeCommand(`peft.${command}`);
}

/** Gives the folder's lock back, so that the next window need not wait until it looks abandoned. */
export async function deactivate(): Promise<void> {
  await controller?.shutdown();
}
