import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { exists, extensionApi, manifest, readText, workspaceFolder, writeText } from './extension';

describe('the extension', () => {
  it('registers every command of its manifest', async () => {
    await extensionApi();
    const registered = new Set(await vscode.commands.getCommands(true));
    const missing = manifest().contributes.commands.filter(({ command }) => !registered.has(command));
    assert.deepEqual(missing, []);
  });

  it('creates the example in a new folder each time, and never over another one', async () => {
    await extensionApi();
    await vscode.commands.executeCommand('peft.openExample', 'devil');
    await vscode.commands.executeCommand('peft.openExample', 'devil');
    for (const folder of ['devil', 'devil-2']) {
      assert.ok(await exists(`${folder}/lora.peft.yaml`), folder);
      assert.ok((await readText(`${folder}/data/devil.train.jsonl`)).length > 10_000);
    }
    assert.match(vscode.window.activeTextEditor?.document.uri.path ?? '', /devil-2\/lora\.peft\.yaml$/);
  });

  it('opens an idea of the lecture beside its data, and leaves there what a person changed', async () => {
    await extensionApi();
    await vscode.commands.executeCommand('peft.openExample', 'lecture', '08-adalora');
    assert.match(vscode.window.activeTextEditor?.document.uri.path ?? '', /\/lecture\/08-adalora\.peft\.yaml$/);
    const [, data] = /train: (\S+)/.exec(await readText('lecture/08-adalora.peft.yaml')) ?? [];
    assert.ok((await readText(`lecture/${data}`)).length > 10_000, data);
    await writeText('lecture/07-lora.peft.yaml', '# mine');
    await vscode.commands.executeCommand('peft.openExample', 'lecture', '07-lora');
    assert.equal(await readText('lecture/07-lora.peft.yaml'), '# mine');
    for (const folder of ['lecture', 'devil'])
      await vscode.workspace.fs.delete(vscode.Uri.joinPath(workspaceFolder(), folder), { recursive: true });
  });

  it('lists runs that appear in the folder and forgets those that vanish', async () => {
    const { store, refresh } = await extensionApi();
    await writeText('.peft/runs/broken-run/run.json', 'not JSON');
    await refresh();
    assert.deepEqual(
      store.broken.map(one => [one.id, one.problem.code]),
      [['broken-run', 'run.badManifest']],
    );
    await vscode.workspace.fs.delete(vscode.Uri.joinPath(workspaceFolder(), '.peft/runs/broken-run'), {
      recursive: true,
    });
    await refresh();
    assert.deepEqual(store.broken, []);
  });

  it('keeps queued runs in a file, in the order they were dragged into', async () => {
    const { queue } = await extensionApi();
    const item = (id: string) => ({ id, name: id, folder: 'f', configPath: 'c', configText: 't', addedAt: 1 });
    for (const id of ['a', 'b', 'c']) await queue.add(item(id));
    await queue.move(['c'], 'a');
    const names = (JSON.parse(await readText('.peft/queue.json')) as { name: string }[]).map(one => one.name);
    assert.deepEqual(names, ['c', 'a', 'b']);
    await queue.remove(['a', 'b', 'c']);
    assert.equal(await exists('.peft/queue.json'), false);
  });
});
