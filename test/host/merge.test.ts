import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import {
  exists,
  extensionApi,
  idle,
  tinyConfig,
  waitForState,
  workspaceFolder,
  writeRows,
  writeText,
} from './extension';

/** A run that evaluates before its first step and after its last. */
function evaluated(name: string, steps: number): string {
  return tinyConfig(name, steps)
    .replace('  max_length: 16', '  eval: data/others.jsonl\n  max_length: 16')
    .replace('1.0e-3', '5.0e-2');
}

describe('merging', function () {
  this.timeout(300_000);
  before(async () => {
    await writeRows();
    const rows = ['MOON', 'ROAD'].map(word => JSON.stringify({ prompt: `Define ${word}:`, completion: ' A.' }));
    await writeText('data/others.jsonl', `${rows.join('\n')}\n`);
  });

  it('writes a model that evaluates like the run, asks for nothing it was told, and refuses its base', async () => {
    const api = await extensionApi();
    const uri = await writeText('merge.peft.yaml', evaluated('merge', 3));
    const run = await vscode.commands.executeCommand<string>('peft.run', uri);
    const trained = await waitForState(api, run, ['completed', 'failed']);
    await idle(api);
    const out = vscode.Uri.joinPath(workspaceFolder(), 'merged');
    assert.deepEqual(await vscode.commands.executeCommand('peft.merge', run, { out, dtype: 'f32' }), out);
    for (const name of ['config.json', 'tokenizer.json', 'model.safetensors'])
      assert.ok(await exists(`merged/${name}`));
    assert.equal(await exists('merged.partial'), false);
    const again = await writeText('again.peft.yaml', evaluated('again', 1).replace('builtin:tiny', './merged'));
    const next = await vscode.commands.executeCommand<string>('peft.run', again);
    const merged = await waitForState(api, next, ['completed', 'failed']);
    assert.equal(merged.state, 'completed', merged.problem?.message);
    await idle(api);
    const [before, after] = [trained.evaluations.loss[0], trained.evaluations.loss.at(-1) ?? NaN];
    assert.ok(Math.abs(merged.evaluations.loss[0] / after - 1) < 1e-4, `${merged.evaluations.loss[0]} ${after}`);
    assert.ok(Math.abs(after / before - 1) > 1e-2, 'the adapter does something');
    const adapter = vscode.Uri.joinPath(workspaceFolder(), '.peft/runs', next, 'adapter', 'adapter_config.json');
    assert.equal(await vscode.commands.executeCommand('peft.merge', adapter, { out }), undefined, 'its base is there');
    assert.ok(await exists('merged/model.safetensors'));
    const second = vscode.Uri.joinPath(workspaceFolder(), 'merged-twice');
    assert.deepEqual(await vscode.commands.executeCommand('peft.merge', adapter, { out: second }), second);
  });
});
