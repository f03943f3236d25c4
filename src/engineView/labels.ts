import * as vscode from 'vscode';
import type { EngineLabels } from '../common/protocol';
import type { RunState } from '../common/run/events';

/** Texts for the engine's page. */
export function engineLabels(): EngineLabels {
  const { t } = vscode.l10n;
  return {
    starting: t('Starting the engine…'),
    idle: t('Ready. Run a config to train on this GPU.'),
    softwareAdapter: t('Software adapter: results are right, but training is slow. Run "PEFT: GPU Doctor" to see why.'),
    memory: t('GPU memory'),
    progress: t('Step {0} of {1}', '{0}', '{1}'),
    buttons: { pause: t('Pause'), resume: t('Resume'), step: t('Step'), stop: t('Stop') },
    states: stateLabels(),
    categories: {
      weights: t('Weights'),
      adapter: t('Adapter'),
      gradients: t('Gradients'),
      optimizer: t('Optimizer'),
      activations: t('Activations'),
      workspace: t('Workspace'),
      kvCache: t('KV cache'),
      staging: t('Staging'),
      offloadedCpu: t('Offloaded to CPU'),
      offloadedDisk: t('Offloaded to disk'),
    },
  };
}

/** Names of run states, for every list and view. */
export function stateLabels(): Readonly<Record<RunState, string>> {
  const { t } = vscode.l10n;
  return {
    queued: t('Queued'),
    starting: t('Starting'),
    running: t('Running'),
    paused: t('Paused'),
    stopping: t('Stopping'),
    stopped: t('Stopped'),
    interrupted: t('Interrupted'),
    completed: t('Completed'),
    failed: t('Failed'),
  };
}
