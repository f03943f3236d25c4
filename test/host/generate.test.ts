import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { cacheTable } from '../../src/commands/cacheTable';
import { combine } from '../../src/commands/severalAdapters';
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

  it('completes a text before a run that was started meanwhile', async () => {
    const api = await extensionApi();
    const config = `${tinyConfig('meanwhile', 1)}samples:\n  max_new_tokens: 200\n`;
    const uri = await writeText('meanwhile.peft.yaml', config);
    const run = await vscode.commands.executeCommand<string>('peft.run', uri);
    await waitForState(api, run, ['completed']);
    await idle(api);
    const growing = new Promise<void>(resolve => {
      const listening = api.engine.onGenerated(() => {
        listening.dispose();
        resolve();
      });
    });
    const text = vscode.commands.executeCommand<GenerationResult>('peft.generate', run, 'Define LOVE:');
    await growing;
    const next = await vscode.commands.executeCommand<string>('peft.run', uri);
    assert.equal((await text).cancelled, false);
    const view = await waitForState(api, next, ['completed', 'failed']);
    assert.equal(view.state, 'completed', view.problem?.message);
    await idle(api);

    const entries = [run, next].map(id => api.store.find(id)).filter(entry => entry !== undefined);
    const chosen = entries.map((entry, index) => ({ run: entry, weight: [0.5, -1][index] }));
    const { memory, adapters, samples, seed, readModel } = await combine(api, chosen);
    assert.deepEqual(
      adapters.map(({ weight }) => weight),
      [0.5, -1],
    );
    const { files: model } = await readModel();
    await api.engine.request('openModel', { job: { key: 'both', model, memory, rows: 64, ways: 'both' } });
    const job = { key: 'both', adapters, prompt: 'Define LOVE:', samples: { ...samples, max_new_tokens: 4 }, seed };
    assert.ok((await api.engine.request('generate', { job })).tokens > 0);
    const { times } = await api.engine.request('compareCache', { job });
    assert.match(
      cacheTable({ times, gpu: 'GPU', kvCacheBytes: 2048, cancelled: false }, 'both'),
      /\| 64 \| [\d.]+ \| [\d.]+ \|/,
    );
    await api.engine.request('closeModel', {});
  });
});
