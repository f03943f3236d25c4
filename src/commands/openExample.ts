import * as vscode from 'vscode';
import { copyMissing, examplePlace, freeFolder } from './exampleFolder';
import { openLecture } from './openLecture';

/** The example's files; listed here because a web extension cannot list its own folder. */
const devilFiles = [
  'lora.peft.yaml',
  'full.peft.yaml',
  'README.md',
  'data/devil.train.jsonl',
  'data/devil.eval.jsonl',
] as const;

/**
 * `Open Example`: `args` may name the example, `devil` or `lecture`, and an idea of the lecture by the name of its
 * config. What they leave open is asked.
 */
export async function openExample(extensionUri: vscode.Uri, args: readonly unknown[]): Promise<void> {
  const examples = vscode.Uri.joinPath(extensionUri, 'media', 'examples');
  const [named, config] = args.filter(value => typeof value === 'string');
  const example = named ?? (await chooseExample());
  if (example === 'lecture') await openLecture(examples, config);
  else if (example === 'devil') await openDevil(examples);
}

async function chooseExample(): Promise<string | undefined> {
  const items = [
    {
      label: vscode.l10n.t("The Devil's Dictionary"),
      detail: vscode.l10n.t('LoRA and full fine-tuning: a small model learns to define words like a cynic.'),
      example: 'devil',
    },
    {
      label: vscode.l10n.t('The lecture, idea by idea'),
      detail: vscode.l10n.t('Every method, sweeps and memory: short runs, each with what to look for.'),
      example: 'lecture',
    },
  ];
  return (await vscode.window.showQuickPick(items, { title: vscode.l10n.t('Which example?') }))?.example;
}

/** Copies the Devil's Dictionary into a new folder and opens its LoRA config. */
async function openDevil(examples: vscode.Uri): Promise<void> {
  const place = await examplePlace();
  if (!place) return;
  const target = await freeFolder(place.folder, 'devil');
  await copyMissing(vscode.Uri.joinPath(examples, 'devil'), target, devilFiles);
  if (place.open) await vscode.window.showTextDocument(vscode.Uri.joinPath(target, devilFiles[0]));
  else await vscode.commands.executeCommand('vscode.openFolder', target);
}
