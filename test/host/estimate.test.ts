import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { EstimateSnapshot } from '../../src/common/estimate/protocol';
import { exists, extensionApi, problemOf, workspaceFolder, writeText } from './extension';

const tabsOf = () =>
  vscode.window.tabGroups.all
    .flatMap(({ tabs }) => tabs)
    .filter(({ input }) => input instanceof vscode.TabInputWebview && input.viewType.endsWith('peft.estimate'));

describe('Estimate Memory', () => {
  const name = 'estimated.peft.yaml';
  const changes = { 'memory.gradient_checkpointing': 'block', 'training.per_device_train_batch_size': 1 };
  let uri: vscode.Uri;

  beforeEach(async () => {
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    const example = new TextDecoder().decode(
      await vscode.workspace.fs.readFile(vscode.Uri.joinPath(workspaceFolder(), 'lora.peft.yaml')),
    );
    uri = await writeText(name, example);
  });
  afterEach(async () => {
    await vscode.commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    if (await exists(name)) await vscode.workspace.fs.delete(uri);
  });

  const numbersOf = (snapshot: EstimateSnapshot) => {
    assert.ok(snapshot.blocked === undefined, JSON.stringify(snapshot));
    return snapshot;
  };

  it('opens one page for a config, beside its text', async () => {
    await extensionApi();
    await vscode.window.showTextDocument(uri);
    await vscode.commands.executeCommand('peft.estimateMemory');
    await vscode.commands.executeCommand('peft.estimateMemory', uri);
    const deadline = Date.now() + 20_000;
    while (tabsOf().length === 0 && Date.now() < deadline) await new Promise(resolve => setTimeout(resolve, 100));
    assert.deepEqual(
      tabsOf().map(({ label, group }) => [label, group.viewColumn]),
      [['Memory of estimated', 2]],
    );
  });

  it('plans the example and writes a change that can be undone', async () => {
    const { estimates } = await extensionApi();
    const document = await vscode.workspace.openTextDocument(uri);
    await vscode.window.showTextDocument(document);
    const before = document.getText();
    const planned = numbersOf(await estimates.estimate(uri, { changes, scenarios: [] }));
    assert.ok((planned.changed.estimate?.total ?? 0) < (planned.asIs.estimate?.total ?? 0));
    assert.equal(await estimates.apply(uri, changes), true);
    assert.match(document.getText(), /gradient_checkpointing: block/);
    const comments = (text: string) => text.match(/#.*/g) ?? [];
    assert.deepEqual(comments(document.getText()), comments(before));
    const after = numbersOf(await estimates.estimate(uri, { changes: {}, scenarios: [] }));
    assert.equal(after.asIs.estimate?.total, planned.changed.estimate?.total);
    assert.equal(await estimates.apply(uri, changes), false, 'there is nothing left to write');
    await vscode.window.showTextDocument(document);
    await vscode.commands.executeCommand('undo');
    assert.equal(document.getText(), before);
  });

  it('plans what stands in the editor, and says what is wrong with it', async () => {
    const { estimates } = await extensionApi();
    const document = await vscode.workspace.openTextDocument(uri);
    await vscode.window.showTextDocument(document);
    const edit = new vscode.WorkspaceEdit();
    const at = document.getText().indexOf('learning_rate');
    edit.insert(uri, document.positionAt(at), 'x');
    assert.ok(await vscode.workspace.applyEdit(edit));
    const snapshot = await estimates.estimate(uri, { changes, scenarios: [] });
    assert.ok(snapshot.blocked === 'config');
    assert.match(snapshot.troubles[0].message, /xlearning_rate/);
    assert.match(await problemOf(estimates.apply(uri, changes)), /^estimate\.broken/);
  });

  it('names a model that is not there', async () => {
    const { estimates } = await extensionApi();
    const text = 'model: models/none\ndata:\n  train: data/devil.train.jsonl\nmethod:\n  type: lora\n';
    const other = await writeText('modelless.peft.yaml', text);
    const snapshot = await estimates.estimate(other, { changes: {}, scenarios: [] });
    await vscode.workspace.fs.delete(other);
    assert.ok(snapshot.blocked === 'model', JSON.stringify(snapshot));
    assert.match(snapshot.troubles[0].message, /models\/none/);
  });
});
