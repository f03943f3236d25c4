import * as vscode from 'vscode';
import { problem } from '../common/errors';
import type { DashboardAction } from '../common/protocol';
import { deleteRuns } from './deleteRun';
import { exportAdapter } from './exportAdapter';
import type { GpuDoctor } from './gpuDoctor';
import { mergeAdapter } from './mergeAdapter';
import { newConfig } from './newConfig';
import { openExample } from './openExample';
import type { Registrar } from './registrar';
import { configUri } from './runConfig';
import type { Services } from './services';
import { chooseRun } from './targets';

/** Commands about configs, run folders and the extension itself. */
export function registerFolderCommands(registrar: Registrar, services: Services, doctor: GpuDoctor): void {
  registrar.addAll({
    'peft.newConfig': () => newConfig(services),
    'peft.openExample': (...args) => openExample(services.extensionUri, args),
    'peft.estimateMemory': async (...args) => services.estimates.show(await configUri(args)),
    'peft.exportAdapter': (...args) => exportAdapter(services, args),
    'peft.merge': (...args) => mergeAdapter(services, args),
    'peft.revealRunFolder': (...args) => revealFolder(services, args),
    'peft.openRunConfig': (...args) => openRunConfig(services, args),
    'peft.deleteRun': (...args) => deleteRuns(services, args),
    'peft.gpuDoctor': () => doctor.show(),
    'peft.showOutput': () => services.log.show(),
    'peft.refresh': () => services.refresh(),
  });
}

/** What the dashboard's buttons do. */
export async function invokeAction(runId: string, action: DashboardAction): Promise<void> {
  const commands: Readonly<Record<DashboardAction, string>> = {
    exportAdapter: 'peft.exportAdapter',
    revealFolder: 'peft.revealRunFolder',
    openConfig: 'peft.openRunConfig',
    delete: 'peft.deleteRun',
    resume: 'peft.resume',
    showOutput: 'peft.showOutput',
  };
  if (!Object.hasOwn(commands, action)) throw problem('run.unknownAction', 'Unknown action.', 'Reload the window.');
  await vscode.commands.executeCommand(commands[action], runId);
}

async function runFolder({ store }: Services, args: readonly unknown[]): Promise<vscode.Uri | undefined> {
  const id = await chooseRun(store, args, {
    title: vscode.l10n.t('Which run?'),
    none: vscode.l10n.t('There are no runs yet.'),
  });
  const entry = id === undefined ? undefined : store.find(id);
  return entry && vscode.Uri.joinPath(vscode.Uri.parse(entry.root.key), entry.folder);
}

async function revealFolder(services: Services, args: readonly unknown[]): Promise<void> {
  const folder = await runFolder(services, args);
  if (!folder) return;
  const desktop = folder.scheme === 'file' && vscode.env.uiKind === vscode.UIKind.Desktop;
  const target = vscode.Uri.joinPath(folder, 'run.json');
  await vscode.commands.executeCommand(desktop ? 'revealFileInOS' : 'revealInExplorer', target);
}

async function openRunConfig(services: Services, args: readonly unknown[]): Promise<void> {
  const folder = await runFolder(services, args);
  if (folder) await vscode.window.showTextDocument(vscode.Uri.joinPath(folder, 'config.peft.yaml'));
}
