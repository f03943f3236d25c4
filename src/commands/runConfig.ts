import * as vscode from 'vscode';
import { problem } from '../common/errors';
import { checkedConfig } from '../runs/job';
import { assertTrusted } from '../runs/jobSource';
import type { RunRequest } from '../runs/controller';
import { relativePath } from '../models/places';
import { refuseErrors } from './refuseErrors';
import type { Services } from './services';

/** Whether a file is a config by its name. */
export function isConfigUri(uri: vscode.Uri): boolean {
  return /\.peft\.(ya?ml|json)$/i.test(uri.path);
}

/** `Run This Config`: starts it, or offers to queue it while another run is going on. Answers the run's id. */
export async function runConfig(services: Services, args: readonly unknown[]): Promise<string | undefined> {
  const request = await requestFrom(services, args);
  const { controller } = services;
  if (controller.isBusy) {
    const name = controller.active?.manifest.name ?? vscode.l10n.t('Another run');
    const queue = vscode.l10n.t('Queue');
    const question = vscode.l10n.t('{0} is on the engine. Queue this config after it?', name);
    const answer = await vscode.window.showInformationMessage(question, queue);
    if (answer === queue) await enqueue(services, request);
    return undefined;
  }
  return vscode.window.withProgress({ location: { viewId: 'peft.runs' } }, () => controller.start(request));
}

/** `Queue This Config`: adds it, with its text as it is now. */
export async function queueConfig(services: Services, args: readonly unknown[]): Promise<void> {
  await enqueue(services, await requestFrom(services, args));
}

async function enqueue({ scheduler }: Services, request: RunRequest): Promise<void> {
  const config = checkedConfig(request.configText, request.configPath);
  const file = request.configPath.slice(request.configPath.lastIndexOf('/') + 1);
  const id = crypto.randomUUID();
  await scheduler.add({ ...request, id, name: config.name ?? file, addedAt: Date.now() });
}

async function requestFrom(services: Services, args: readonly unknown[]): Promise<RunRequest> {
  assertTrusted();
  const uri = await configUri(args);
  const document = await vscode.workspace.openTextDocument(uri);
  if (document.isDirty && !(await document.save())) {
    throw problem(
      'run.unsaved',
      vscode.l10n.t('The config could not be saved.'),
      vscode.l10n.t('Save it and run again.'),
    );
  }
  const folder = vscode.workspace.getWorkspaceFolder(uri) ?? vscode.workspace.workspaceFolders?.[0];
  if (!folder) {
    const hint = vscode.l10n.t('Runs are written into the folder of the workspace.');
    throw problem('run.noFolder', vscode.l10n.t('Open a folder to train in.'), hint);
  }
  const configPath = relativePath(uri, folder.uri);
  await refuseErrors(services.facts, uri, document.getText(), configPath);
  services.log.info(`run requested: ${uri.toString()}`);
  return {
    folder: folder.uri.toString(),
    configPath,
    configText: document.getText(),
  };
}

/** The config that a command means: its argument, the one in the editor, or the one that is picked. */
export async function configUri(args: readonly unknown[]): Promise<vscode.Uri> {
  const [first] = args;
  if (first instanceof vscode.Uri) return first;
  const active = vscode.window.activeTextEditor?.document.uri;
  if (active && isConfigUri(active) && active.scheme !== 'untitled') return active;
  const found = await vscode.workspace.findFiles('**/*.peft.{yaml,yml,json}', '**/{node_modules,.peft}/**', 200);
  if (found.length === 1) return found[0];
  const items = found.map(uri => ({ label: vscode.workspace.asRelativePath(uri), uri }));
  const title = vscode.l10n.t('Which config?');
  const picked = items.length > 0 ? await vscode.window.showQuickPick(items, { title }) : undefined;
  if (picked) return picked.uri;
  const hint = vscode.l10n.t('Run "PEFT: Open Example" or "PEFT: New Config…".');
  throw problem('run.noConfig', vscode.l10n.t('There is no config to run.'), hint);
}
