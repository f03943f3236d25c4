import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { GenerationResult } from '../../src/common/protocol';
import { extensionApi, idle, tinyConfig, waitForState, writeRows, writeText } from './extension';

describe('generation on the real engine', function () {
  this.timeout(300_000);
  before(writeRows);

  it('completes a prompt with the adapter of a run, again and again, and leaves the GPU to the next run', async () => {
    const api = await extensionApi();
    const uri = await writeText('generate.peft.yaml', tinyConfig('generate', 1));
    const run = await vscode.commands.executeCommand<string>('peft.run', uri);
    assert.equal(await vscode.commands.executeCommand('peft.generate', run, 'Define'), undefined);
    await waitForState(api, run, ['completed']);
    await idle(api);
    const generate = () => vscode.commands.executeCommand<GenerationResult>('peft.generate', run, 'Define LOVE:');
    const first = await generate();
    assert.ok(first.tokens > 0 && first.text.length > 0 && !first.cancelled);
    assert.equal((await generate()).text, first.text);
    const next = await vscode.commands.executeCommand<string>('peft.run', uri);
    const view = await waitForState(api, next, ['completed', 'failed']);
    assert.equal(view.state, 'completed', view.problem?.message);
    assert.deepEqual(view.memory?.measured, view.memory?.forecast);
    await idle(api);
  });
});
