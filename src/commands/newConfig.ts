import * as vscode from 'vscode';
import type { MethodChoice } from '../common/config/methodChoices';
import { newConfigText, type NewConfigChoice } from '../common/config/newConfig';
import { parseConfig } from '../common/config/parse';
import { problem } from '../common/errors';
import { relativePath } from '../models/places';
import { workspaceFiles } from '../runs/workspaceFiles';
import { methodLabels } from './methodLabels';
import type { Services } from './services';

/** `New Config…`: three questions, then a commented file that can be run as it is. */
export async function newConfig({ facts }: Pick<Services, 'facts'>): Promise<vscode.Uri | undefined> {
  const folder = await targetFolder();
  if (!folder) return undefined;
  const method = await pickMethod();
  const model = method && (await pickModel(folder));
  const train = model && (await pickData(folder));
  const name = train && (await askName(folder, method));
  if (!name) return undefined;
  const choices: NewConfigChoice = { name, method, model, train };
  const file = `${name}.peft.yaml`;
  const uri = vscode.Uri.joinPath(folder, file);
  const { value } = parseConfig(newConfigText(choices));
  const known = value && (await facts.facts(uri, value));
  await workspaceFiles(folder).write(file, new TextEncoder().encode(newConfigText(choices, known?.model)));
  await vscode.window.showTextDocument(uri);
  return uri;
}

async function targetFolder(): Promise<vscode.Uri | undefined> {
  const folders = vscode.workspace.workspaceFolders ?? [];
  if (folders.length === 0) {
    const hint = vscode.l10n.t('A config names its data relative to itself.');
    throw problem('config.noFolder', vscode.l10n.t('Open a folder first.'), hint);
  }
  if (folders.length === 1) return folders[0].uri;
  return (await vscode.window.showWorkspaceFolderPick())?.uri;
}

async function pickMethod(): Promise<MethodChoice | undefined> {
  const { t } = vscode.l10n;
  const details: Readonly<Record<MethodChoice, string>> = {
    lora: t('Trains small low-rank updates of frozen matrices. The usual choice.'),
    qlora: t('The same beside a base of four bits a weight. For models that hardly fit.'),
    full: t('Trains every weight. For small models.'),
    adalora: t('Low-rank updates whose ranks go where they matter.'),
    weightlora: t('Low-rank updates of which only the necessary ones stay.'),
    'weightlora+': t('The same, and those that stay grow.'),
    bottleneck: t('Small networks after attention and MLP.'),
    prefix: t('Trained keys and values before the tokens of every block.'),
    'p-tuning': t('Virtual tokens at the input, made by a small network.'),
    'p-tuning-v2': t('A prefix in every block, trained directly, with dropout.'),
    'few-shot': t('Answered examples before the question. Nothing trains.'),
  };
  const labels = methodLabels();
  const order = Object.keys(details) as MethodChoice[];
  const items = order.map(method => ({ label: labels[method], detail: details[method], method }));
  const title = t('New Config (1/4): Method');
  return (await vscode.window.showQuickPick(items, { title, matchOnDetail: true }))?.method;
}

async function pickModel(folder: vscode.Uri): Promise<string | undefined> {
  const pattern = new vscode.RelativePattern(folder, '**/config.json');
  const found = await vscode.workspace.findFiles(pattern, '**/{node_modules,.peft}/**', 50);
  const local = found.map(uri => `./${relativePath(vscode.Uri.joinPath(uri, '..'), folder)}`);
  const items = [
    { label: 'builtin:tiny', detail: vscode.l10n.t('1 M parameters, ships with the extension.') },
    ...local.map(label => ({ label, detail: vscode.l10n.t('Hugging Face folder in this workspace.') })),
  ];
  const title = vscode.l10n.t('New Config (2/4): Model');
  return (await vscode.window.showQuickPick(items, { title }))?.label;
}

async function pickData(folder: vscode.Uri): Promise<string | undefined> {
  const pattern = new vscode.RelativePattern(folder, '**/*.jsonl');
  const found = await vscode.workspace.findFiles(pattern, '**/{node_modules,.peft}/**', 200);
  const title = vscode.l10n.t('New Config (3/4): Training Data');
  const other = vscode.l10n.t('Another file…');
  const labels = [...found.map(uri => relativePath(uri, folder)).sort(), other];
  const picked = found.length > 0 ? await vscode.window.showQuickPick(labels, { title }) : other;
  if (picked !== other) return picked;
  const prompt = vscode.l10n.t('JSONL file with prompt and completion, text or messages, relative to the folder');
  return vscode.window.showInputBox({ title, prompt, value: 'data/train.jsonl' });
}

async function askName(folder: vscode.Uri, method: string): Promise<string | undefined> {
  const files = workspaceFiles(folder);
  return vscode.window.showInputBox({
    title: vscode.l10n.t('New Config (4/4): Name'),
    value: `my-${method.replace('+', '-plus')}`,
    validateInput: async name => {
      if (!/^[\w.-]+$/.test(name)) return vscode.l10n.t('Use letters, digits, dots, dashes and underscores.');
      if (await files.stat(`${name}.peft.yaml`)) return vscode.l10n.t('{0}.peft.yaml exists already.', name);
      return undefined;
    },
  });
}
