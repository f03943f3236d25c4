import * as vscode from 'vscode';
import { problem } from '../common/errors';
import { parentOf } from '../models/places';
import type { Services } from './services';

/** `Open Comparison…`: the page of a `comparison.json`, asked for if none is named and there are several. */
export async function openComparison(
  { comparisons }: Pick<Services, 'comparisons'>,
  args: readonly unknown[],
): Promise<void> {
  const [first] = args;
  const uri = first instanceof vscode.Uri ? first : await chooseComparison();
  if (uri) comparisons.show(uri);
}

async function chooseComparison(): Promise<vscode.Uri | undefined> {
  const found = await vscode.workspace.findFiles('**/comparisons/*/comparison.json', '**/{node_modules,.peft}/**', 200);
  if (found.length === 0) {
    throw problem(
      'comparison.none',
      vscode.l10n.t('There is no comparison in this workspace.'),
      vscode.l10n.t('Start one with "PEFT: Compare Methods…" or "PEFT: Sweep…".'),
    );
  }
  if (found.length === 1) return found[0];
  const items = found.map(uri => ({
    label: parentOf(uri).path.split('/').at(-1) ?? '',
    description: vscode.workspace.asRelativePath(uri),
    uri,
  }));
  return (await vscode.window.showQuickPick(items, { title: vscode.l10n.t('Open which comparison?') }))?.uri;
}
