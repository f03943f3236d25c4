import assert from 'node:assert/strict';
import * as vscode from 'vscode';

const folder = () => {
  const [first] = vscode.workspace.workspaceFolders ?? [];
  return first.uri;
};
const file = () => vscode.Uri.joinPath(folder(), 'editor-test.peft.yaml');

/** A config on the example's model and data, as unsaved text in an open editor. */
async function open(text: string): Promise<vscode.TextDocument> {
  await vscode.workspace.fs.writeFile(file(), new TextEncoder().encode(text));
  const document = await vscode.workspace.openTextDocument(file());
  await vscode.window.showTextDocument(document);
  if (document.getText() !== text) await replace(document, text);
  return document;
}

async function replace(document: vscode.TextDocument, text: string): Promise<void> {
  const edit = new vscode.WorkspaceEdit();
  edit.replace(document.uri, new vscode.Range(0, 0, document.lineCount, 0), text);
  assert.ok(await vscode.workspace.applyEdit(edit));
}

/** Asks until the answer is there: facts follow the text after a pause. */
async function eventually<T>(ask: () => Thenable<T> | T, isThere: (answer: T) => boolean): Promise<T> {
  for (let tries = 0; ; tries++) {
    const answer = await ask();
    if (isThere(answer)) return answer;
    assert.ok(tries < 100, `still ${JSON.stringify(answer)}`);
    await new Promise(resolve => setTimeout(resolve, 200));
  }
}

const codes = (document: vscode.TextDocument) =>
  vscode.languages.getDiagnostics(document.uri).map(({ code }) => String(typeof code === 'object' ? code.value : code));
const positionOf = (document: vscode.TextDocument, word: string) =>
  document.positionAt(document.getText().indexOf(word) + 1);

const sound = `model: builtin:tiny
data:
  train: data/devil.train.jsonl
  max_length: 128
method:
  type: lora
  r: 8
  lora_alpha: 16
training:
  max_steps: 200
  learning_rate: 1.0e-3
  seed: 1
memory:
  budget_mib: 500
`;

describe('config editor', () => {
  after(async () => {
    // An unsaved editor would ask before it closes.
    await vscode.workspace.saveAll(false);
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    await vscode.workspace.fs.delete(file());
  });

  it('offers to run a sound config, with the memory it takes', async () => {
    const document = await open(sound);
    const lenses = await eventually(
      () => vscode.commands.executeCommand<vscode.CodeLens[]>('vscode.executeCodeLensProvider', document.uri),
      found => found.some(({ command }) => /of 500 MiB/.test(command?.title ?? '')),
    );
    assert.deepEqual(
      lenses.map(({ command }) => command?.command),
      ['peft.run', 'peft.queue', 'peft.estimateMemory'],
    );
    assert.equal(document.lineAt(lenses[2].range.start.line).text, 'memory:');
    assert.match(lenses[0].command?.title ?? '', /^▶ Run · [\d.]+ of 500 MiB$/);
    assert.deepEqual(codes(document), []);
  });

  it('shows what follows from the keys, and links the data', async () => {
    const document = await open(sound);
    const whole = new vscode.Range(0, 0, document.lineCount, 0);
    const hints = await eventually(
      () => vscode.commands.executeCommand<vscode.InlayHint[]>('vscode.executeInlayHintProvider', document.uri, whole),
      found => found.length >= 2,
    );
    const labels = hints.map(({ label }) =>
      typeof label === 'string' ? label : label.map(part => part.value).join(''),
    );
    assert.ok(
      labels.some(label => /^[\d,]+ trainable \([\d.]+ %\)$/.test(label)),
      labels.join(),
    );
    assert.ok(
      labels.some(label => /epochs of 105 steps/.test(label)),
      labels.join(),
    );
    const links = await vscode.commands.executeCommand<vscode.DocumentLink[]>(
      'vscode.executeLinkProvider',
      document.uri,
    );
    assert.ok(links.some(({ target }) => target?.path.endsWith('/data/devil.train.jsonl')));
  });

  it('marks what is wrong in unsaved text, links the rule and repairs it', async () => {
    const document = await open(sound);
    const broken = sound.replace('lora_alpha: 16', 'lora_alpha: 100 # big').replace('seed: 1', 'sead: 1');
    await replace(document, broken);
    await eventually(
      () => codes(document),
      found => found.includes('config.unknownKey'),
    );
    const actions = () =>
      vscode.commands.executeCommand<vscode.CodeAction[]>(
        'vscode.executeCodeActionProvider',
        document.uri,
        new vscode.Range(positionOf(document, 'sead'), positionOf(document, 'sead')),
      );
    const isRename = ({ title }: vscode.CodeAction) => title === 'Rename to seed';
    const rename = (await eventually(actions, found => found.some(isRename))).find(isRename);
    assert.ok(rename?.edit && (await vscode.workspace.applyEdit(rename.edit)));
    await eventually(
      () => codes(document),
      found => found.join() === 'R07',
    );
    const [diagnostic] = vscode.languages.getDiagnostics(document.uri);
    assert.ok(typeof diagnostic.code === 'object' && /lint-rules\.md/.test(diagnostic.code.target.path));
    await vscode.workspace.fs.stat(diagnostic.code.target.with({ fragment: '' }));
    const fixes = await eventually(
      () =>
        vscode.commands.executeCommand<vscode.CodeAction[]>(
          'vscode.executeCodeActionProvider',
          document.uri,
          diagnostic.range,
        ),
      found => found.length > 0,
    );
    const titles = fixes.map(({ title }) => title);
    for (const title of ['Set lora_alpha to 16', 'Disable R07 on this line', 'Explain R07'])
      assert.ok(titles.includes(title), titles.join());
    const fix = fixes.find(({ title }) => title === 'Set lora_alpha to 16');
    assert.ok(fix?.edit && (await vscode.workspace.applyEdit(fix.edit)));
    assert.equal(document.getText(), sound.replace('lora_alpha: 16', 'lora_alpha: 16 # big'));
    await eventually(
      () => codes(document),
      found => found.length === 0,
    );
  });

  it('looks at the files a config names', async () => {
    const document = await open(sound.replace('devil.train', 'gone').replace('r: 8', 'r: 100'));
    await eventually(
      () => codes(document),
      found => found.includes('F01') && found.includes('R01'),
    );
  });

  it('completes keys, values, modules and files, and explains keys', async () => {
    const document = await open(`${sound}samples:\n  \n`);
    const complete = (position: vscode.Position) =>
      vscode.commands.executeCommand<vscode.CompletionList>(
        'vscode.executeCompletionItemProvider',
        document.uri,
        position,
      );
    const labels = async (position: vscode.Position) =>
      (await complete(position)).items.map(({ label }) => (typeof label === 'string' ? label : label.label));
    assert.ok((await labels(new vscode.Position(document.lineCount - 2, 2))).includes('max_new_tokens'));
    assert.ok((await labels(positionOf(document, 'data/devil'))).some(label => label === 'data'));
    assert.ok((await labels(positionOf(document, 'lora\n'))).includes('full'));
    const hovers = await vscode.commands.executeCommand<vscode.Hover[]>(
      'vscode.executeHoverProvider',
      document.uri,
      positionOf(document, 'lora_alpha'),
    );
    const shown = hovers
      .flatMap(({ contents }) => contents)
      .map(item => (typeof item === 'string' ? item : item.value));
    assert.match(shown.join('\n'), /`method.lora_alpha`.*a number above 0.*default `8`/);
  });
});
