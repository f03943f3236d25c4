import * as vscode from 'vscode';
import { workspaceFiles } from '../runs/workspaceFiles';
import { copyMissing, examplePlace, freeFolder } from './exampleFolder';

/** One idea of the lecture, as `lecture.json` beside the configs lists them. */
interface LectureIdea {
  /** Name of its config without the ending. */
  readonly config: string;
  readonly title: string;
}

/** Data that the configs of the lecture share with the other example, beside their own folder. */
const sharedData = ['data/devil.train.jsonl', 'data/devil.eval.jsonl'] as const;

/**
 * Opens the config of one idea, asked for unless named. The open folder gets a `lecture` folder and the data beside it:
 * what is missing is written, what is there stays. Without an open folder a new one is made and opened.
 */
export async function openLecture(examples: vscode.Uri, config: string | undefined): Promise<void> {
  const ideas = await readIdeas(examples);
  const place = await examplePlace();
  if (!place) return;
  const idea = place.open ? (ideas.find(one => one.config === config) ?? (await chooseIdea(ideas))) : ideas[0];
  if (!idea) return;
  const folder = place.open ? place.folder : await freeFolder(place.folder, 'peft-lecture');
  const lecture = vscode.Uri.joinPath(folder, 'lecture');
  const files = ['README.md', ...ideas.map(one => `${one.config}.peft.yaml`)];
  await copyMissing(vscode.Uri.joinPath(examples, 'devil'), vscode.Uri.joinPath(folder, 'devil'), sharedData);
  await copyMissing(vscode.Uri.joinPath(examples, 'lecture'), lecture, files);
  if (place.open) await vscode.window.showTextDocument(vscode.Uri.joinPath(lecture, `${idea.config}.peft.yaml`));
  else await vscode.commands.executeCommand('vscode.openFolder', folder);
}

async function readIdeas(examples: vscode.Uri): Promise<readonly LectureIdea[]> {
  const bytes = await workspaceFiles(vscode.Uri.joinPath(examples, 'lecture')).read('lecture.json');
  return (JSON.parse(new TextDecoder().decode(bytes)) as { readonly ideas: readonly LectureIdea[] }).ideas;
}

async function chooseIdea(ideas: readonly LectureIdea[]): Promise<LectureIdea | undefined> {
  const items = ideas.map(idea => ({ label: idea.title, description: `${idea.config}.peft.yaml`, idea }));
  const title = vscode.l10n.t('Which idea of the lecture?');
  return (await vscode.window.showQuickPick(items, { title, matchOnDescription: true }))?.idea;
}
