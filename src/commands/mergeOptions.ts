import * as vscode from 'vscode';
import { mergeNotes } from '../common/config/quantizedUse';
import type { RunConfig } from '../common/config/schema';

/** What a merge leaves to choose. */
export interface MergeOptions {
  readonly into: 'file' | 'dequantized';
  readonly dtype: 'base' | 'f32';
}

type Item<T> = vscode.QuickPickItem & { readonly value: T };

/**
 * Asks what the choice matters for: which weights, where training saw others than the file has (with what the rules say of
 * each), and which type, where the base is not stored as f32. `undefined` if the person cancelled.
 */
export async function chooseOptions(
  memory: RunConfig['memory'],
  modelConfig: string,
  answers: Partial<MergeOptions>,
): Promise<MergeOptions | undefined> {
  const into = answers.into ?? (await chooseWeights(memory));
  const dtype = into && (answers.dtype ?? (await chooseType(modelConfig)));
  return dtype && { into, dtype };
}

async function chooseWeights(memory: RunConfig['memory']): Promise<MergeOptions['into'] | undefined> {
  if (memory.quantization === 'none' && memory.embedding_dtype !== 'f16') return 'dequantized';
  const notes = (into: MergeOptions['into']) =>
    mergeNotes(memory, into).map(({ rule, message }) => `$(warning) ${rule.id}: ${message} ${rule.advice}`);
  const items: Item<MergeOptions['into']>[] = [
    {
      value: 'dequantized',
      label: vscode.l10n.t('The weights that training saw'),
      description: memory.quantization,
      detail: notes('dequantized').join(' ') || vscode.l10n.t('The merged model computes what the run evaluated.'),
    },
    {
      value: 'file',
      label: vscode.l10n.t("The weights of the model's files"),
      detail: notes('file').join(' ') || vscode.l10n.t('The merged model differs from the run by rounding.'),
    },
  ];
  return (await vscode.window.showQuickPick(items, { title: vscode.l10n.t('Add the adapter to which weights?') }))
    ?.value;
}

async function chooseType(modelConfig: string): Promise<MergeOptions['dtype'] | undefined> {
  const stored = storedType(modelConfig);
  if (stored === undefined || stored === 'float32') return 'base';
  const items: Item<MergeOptions['dtype']>[] = [
    {
      value: 'base',
      label: stored,
      description: vscode.l10n.t('as the base model'),
      detail: vscode.l10n.t('Files as large as those of the base; the sums are rounded.'),
    },
    { value: 'f32', label: 'float32', detail: vscode.l10n.t('Nothing is rounded; twice as large.') },
  ];
  return (await vscode.window.showQuickPick(items, { title: vscode.l10n.t('Store the merged weights as what?') }))
    ?.value;
}

/** What `config.json` says; the weight files decide, but they are too large to be read for a question. */
function storedType(modelConfig: string): string | undefined {
  try {
    const config = JSON.parse(modelConfig) as { dtype?: unknown; torch_dtype?: unknown } | null;
    const stored = config?.dtype ?? config?.torch_dtype;
    return typeof stored === 'string' ? stored : undefined;
  } catch {
    return undefined;
  }
}
