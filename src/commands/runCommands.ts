import * as vscode from 'vscode';
import { problem } from '../common/errors';
import type { EngineCommand } from '../common/protocol';
import { isResumable } from '../common/run/stateMachine';
import { compareRuns } from './compareRuns';
import { fitToBudget } from './fitToBudget';
import type { Registrar } from './registrar';
import { queueConfig, runConfig } from './runConfig';
import type { Services } from './services';
import { chooseRun, runIdsFrom } from './targets';

/** Commands about the run on the engine and about taking runs up again. */
export function registerRunCommands(registrar: Registrar, services: Services): void {
  const { controller, scheduler, queue, dashboards, store } = services;
  registrar.addAll({
    'peft.run': (...args) => runConfig(services, args),
    'peft.queue': (...args) => queueConfig(services, args),
    'peft.fitToBudget': (...args) => fitToBudget(services, args),
    'peft.startQueue': () => scheduler.proceed(),
    'peft.removeFromQueue': (...args) => queue.remove(queueIds(args)),
    'peft.moveUpInQueue': (...args) => moveInQueue(services, args, -1),
    'peft.moveDownInQueue': (...args) => moveInQueue(services, args, 1),
    'peft.pause': (...args) => commandActive(services, args, 'pause'),
    'peft.step': (...args) => commandActive(services, args, 'step'),
    'peft.stop': (...args) => commandActive(services, args, 'stop'),
    'peft.checkpoint': (...args) => commandActive(services, args, 'checkpoint'),
    'peft.togglePause': (...args) => {
      const paused = controller.active?.state === 'paused';
      return paused ? resume(services, args) : commandActive(services, args, 'pause');
    },
    'peft.resume': (...args) => resume(services, args),
    'peft.openDashboard': async (...args) => {
      const id = await chooseRun(store, args.length > 0 ? args : [controller.active?.manifest.id], {
        title: vscode.l10n.t('Which run?'),
        none: vscode.l10n.t('There are no runs yet.'),
      });
      if (id !== undefined) dashboards.show(id);
    },
    'peft.compareRuns': (...args) => compareRuns(services, args),
  });
}

async function commandActive(
  { controller }: Services,
  args: readonly unknown[],
  command: EngineCommand,
): Promise<void> {
  const id = runIdsFrom(args).at(0) ?? controller.active?.manifest.id;
  if (id === undefined) {
    throw problem('run.none', vscode.l10n.t('No run is going on.'), vscode.l10n.t('Run a config first.'));
  }
  await controller.command(id, command);
}

/** Resumes the paused run, or takes up one that was cut off, stopped or failed. */
async function resume({ controller, store }: Services, args: readonly unknown[]): Promise<void> {
  const active = controller.active;
  const named = runIdsFrom(args).at(0);
  if (active && (named === undefined || named === active.manifest.id)) {
    await controller.command(active.manifest.id, 'resume');
    return;
  }
  const id = await chooseRun(store, args, {
    title: vscode.l10n.t('Resume which run?'),
    fits: run => isResumable(run.summary.state),
    none: vscode.l10n.t('There is no run to resume.'),
  });
  if (id === undefined) return;
  await vscode.window.withProgress({ location: { viewId: 'peft.runs' } }, () => controller.resume(id));
}

async function moveInQueue({ queue }: Services, args: readonly unknown[], by: -1 | 1): Promise<void> {
  const [id] = queueIds(args);
  const at = queue.items.findIndex(item => item.id === id);
  if (at < 0) return;
  const before = by < 0 ? queue.items.at(Math.max(0, at - 1)) : queue.items.at(at + 2);
  await queue.move([id], before?.id === id ? undefined : before?.id);
}

function queueIds(args: readonly unknown[]): string[] {
  const [first, selection] = args;
  const items: readonly unknown[] = Array.isArray(selection) && selection.length > 0 ? selection : [first];
  return items
    .map(item => (typeof item === 'object' && item !== null && 'id' in item ? item.id : undefined))
    .filter(id => typeof id === 'string');
}
