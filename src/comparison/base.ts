import * as vscode from 'vscode';
import { baseAs, type BaseConfig } from '../common/comparison/variants';
import type { LintFacts } from '../common/config/facts';
import { diagnose } from '../common/config/lint';
import { parseConfig } from '../common/config/parse';
import { problem } from '../common/errors';
import type { FactSource } from '../configEditor/facts';
import { relativePath } from '../models/places';

/** The config that a comparison starts from, with what its files say. */
export interface OpenBase extends BaseConfig {
  readonly uri: vscode.Uri;
  readonly folder: vscode.Uri;
  /** Relative to the workspace folder. */
  readonly path: string;
  readonly facts: LintFacts;
}

/** Reads a base config. Throws the first error that the editor would mark in it, or `comparison.noEval`. */
export async function openBase(source: FactSource, uri: vscode.Uri): Promise<OpenBase> {
  const folder = vscode.workspace.getWorkspaceFolder(uri)?.uri;
  if (!folder) {
    throw problem(
      'comparison.noFolder',
      vscode.l10n.t('The config is in no folder of this workspace.'),
      vscode.l10n.t('Open its folder: the variants are written beside it.'),
    );
  }
  const text = (await vscode.workspace.openTextDocument(uri)).getText();
  const path = relativePath(uri, folder);
  const parsed = parseConfig(text);
  const facts = parsed.value ? await source.facts(uri, parsed.value) : {};
  const error = firstError(text, facts);
  const config = parsed.value;
  if (error !== undefined || config === undefined) {
    throw problem(
      'comparison.badBase',
      `${path}: ${error ?? ''}`,
      vscode.l10n.t('Repair what is marked in the config.'),
    );
  }
  if (config.data.eval === undefined) {
    throw problem(
      'comparison.noEval',
      vscode.l10n.t('{0} has no data.eval: there is nothing to compare by.', path),
      vscode.l10n.t('Set data.eval to rows that are not trained on.'),
    );
  }
  return { ...baseAs(text, config, facts), uri, folder, path, facts };
}

/** The first error of a config as the editor marks it, with its line; undefined if it has none. */
export function firstError(text: string, facts: LintFacts): string | undefined {
  const found = diagnose(parseConfig(text), facts).find(one => one.severity === 'error');
  if (found === undefined) return undefined;
  return `line ${text.slice(0, found.range.start).split('\n').length}: ${found.message}`;
}
