import * as vscode from 'vscode';
import { problem } from '../common/errors';
import type { PageAddresses } from '../models/resolve';
import type { JobSource } from './engine';
import { buildJob, checkedConfig } from './job';

/** Reads jobs from the workspace; weights get addresses of the engine's page. */
export function workspaceJobs(extensionUri: vscode.Uri, page: PageAddresses): JobSource {
  return {
    check: checkedConfig,
    build: async (config, folder, configPath) => {
      assertTrusted();
      return buildJob(config, { folder: vscode.Uri.parse(folder), configPath }, extensionUri, page);
    },
  };
}

/** Every way to train passes here, also those that no `enablement` guards. */
export function assertTrusted(): void {
  if (vscode.workspace.isTrusted) return;
  const hint = vscode.l10n.t('Run "Workspaces: Manage Workspace Trust" and trust this folder.');
  throw problem('run.untrusted', vscode.l10n.t('Training is off in Restricted Mode.'), hint);
}
