import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { ExtensionApi } from '../../src/extension';
import type { Problem } from '../../src/common/errors';
import type { RunState } from '../../src/common/run/events';
import type { RunView } from '../../src/common/run/view';

const id = 'peft-workbench.peft-workbench';

/** The extension under test, activated, with the runs of earlier sessions looked at. */
export async function extensionApi(): Promise<ExtensionApi> {
  const extension = vscode.extensions.getExtension<ExtensionApi>(id);
  assert.ok(extension, `${id} is not installed`);
  const api = await extension.activate();
  await api.settled;
  return api;
}

export function manifest(): { contributes: { commands: { command: string }[] } } {
  return vscode.extensions.getExtension(id)?.packageJSON as ReturnType<typeof manifest>;
}

export function workspaceFolder(): vscode.Uri {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  assert.ok(folder, 'no folder is open');
  return folder;
}

export async function writeText(name: string, text: string): Promise<vscode.Uri> {
  const uri = vscode.Uri.joinPath(workspaceFolder(), name);
  await vscode.workspace.fs.writeFile(uri, new TextEncoder().encode(text));
  return uri;
}

export async function readText(name: string): Promise<string> {
  return new TextDecoder().decode(await vscode.workspace.fs.readFile(vscode.Uri.joinPath(workspaceFolder(), name)));
}

export async function exists(name: string): Promise<boolean> {
  const uri = vscode.Uri.joinPath(workspaceFolder(), name);
  return vscode.workspace.fs.stat(uri).then(
    () => true,
    () => false,
  );
}

/** A config that trains a few steps on three short rows. */
export function tinyConfig(name: string, steps: number, train = 'data/three.jsonl'): string {
  return `name: ${name}
model: builtin:tiny
data:
  train: ${train}
  max_length: 16
method:
  type: lora
  r: 2
training:
  max_steps: ${steps}
  learning_rate: 1.0e-3
  per_device_train_batch_size: 1
  save_steps: 1
  save_total_limit: 2
`;
}

export async function writeRows(): Promise<void> {
  const rows = ['EGG', 'SEA', 'KING'].map(word => JSON.stringify({ prompt: `Define ${word}:`, completion: ' A.' }));
  await writeText('data/three.jsonl', rows.join('\n') + '\n');
}

/** `code: message` of a rejection; the error comes from another bundle, so its class tells nothing. */
export async function problemOf(promise: Promise<unknown>): Promise<string> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  const { problem } = (error ?? {}) as { problem?: Problem };
  return problem ? `${problem.code}: ${problem.message}` : String(error);
}

/** Resolves when no run is on the engine and the last one's files are closed. */
export async function idle({ controller }: ExtensionApi): Promise<void> {
  while (controller.isBusy || controller.isClosing) await new Promise(resolve => setTimeout(resolve, 50));
}

/** Polls a run until it is in one of these states. */
export async function waitForState(api: ExtensionApi, run: string, states: readonly RunState[]): Promise<RunView> {
  const deadline = Date.now() + 240_000;
  for (;;) {
    const view = await api.store.view(run);
    if (states.includes(view.state)) return view;
    assert.ok(Date.now() < deadline, `still ${view.state} at step ${view.step}: ${view.problem?.message ?? ''}`);
    await new Promise(resolve => setTimeout(resolve, 200));
  }
}
