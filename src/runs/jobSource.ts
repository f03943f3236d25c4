import * as vscode from 'vscode';
import type { PageAddresses } from '../models/resolve';
import type { JobSource } from './engine';
import { buildJob, checkedConfig } from './job';

/** Reads jobs from the workspace; weights get addresses of the engine's page. */
export function workspaceJobs(extensionUri: vscode.Uri, page: PageAddresses): JobSource {
  return {
    check: checkedConfig,
    build: (config, folder, configPath) =>
      buildJob(config, { folder: vscode.Uri.parse(folder), configPath }, extensionUri, page),
  };
}
