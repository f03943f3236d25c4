import * as vscode from 'vscode';
import { isMethodChoice, type MethodChoice } from '../common/config/methodChoices';
import type { Fairness } from '../common/comparison/variants';
import { problem } from '../common/errors';

/** What makes methods comparable, as arguments and answers name it. */
export const fairnessChoices = ['rate', 'rate+parameters', 'parameters', 'same'] as const;
export type FairnessChoice = (typeof fairnessChoices)[number];

export function fairnessOf(choice: FairnessChoice): Fairness {
  return { recommendedRate: choice.startsWith('rate'), matchParameters: choice.endsWith('parameters') };
}

/** Arguments of both commands; whatever is left out is asked. */
export interface ComparisonArguments {
  /** Address, or path in the first workspace folder, of the base config. */
  readonly base?: vscode.Uri;
  readonly methods?: readonly MethodChoice[];
  readonly fairness?: FairnessChoice;
  readonly key?: string;
  readonly values?: readonly unknown[];
  readonly seeds?: number;
  readonly name?: string;
}

/**
 * Reads what a command was invoked with: `{base, methods, fairness, seeds, name}` or `{base, key, values, seeds, name}`, or
 * the address of a config as menus pass it. Throws `comparison.arguments` for a value that cannot be meant.
 */
export function comparisonArguments(args: readonly unknown[]): ComparisonArguments {
  const [first] = args;
  if (first instanceof vscode.Uri) return { base: first };
  if (typeof first !== 'object' || first === null) return {};
  const { base, methods, fairness, key, values, seeds, name } = first as Record<string, unknown>;
  return {
    base: baseUri(base),
    methods: methods === undefined ? undefined : listOf(methods, 'methods', isMethodChoice),
    fairness: fairness === undefined ? undefined : oneOf(fairness),
    key: typeof key === 'string' ? key : undefined,
    values: Array.isArray(values) ? (values as readonly unknown[]) : undefined,
    seeds: typeof seeds === 'number' && Number.isInteger(seeds) && seeds >= 1 && seeds <= 20 ? seeds : undefined,
    name: typeof name === 'string' && /^[\w.-]+$/.test(name) ? name : undefined,
  };
}

function baseUri(base: unknown): vscode.Uri | undefined {
  if (base instanceof vscode.Uri || base === undefined) return base;
  if (typeof base === 'string' && /^[a-z][a-z\d+.-]+:\/\//i.test(base)) return vscode.Uri.parse(base);
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  if (typeof base === 'string' && folder) return vscode.Uri.joinPath(folder, base);
  if (typeof base === 'object' && base !== null && 'path' in base) return vscode.Uri.from(base as vscode.Uri);
  throw refused('base', base);
}

function listOf<T>(value: unknown, name: string, is: (item: unknown) => item is T): readonly T[] {
  if (Array.isArray(value) && value.length > 0 && value.every(is)) return value;
  throw refused(name, value);
}

function oneOf(value: unknown): FairnessChoice {
  const known = fairnessChoices.find(choice => choice === value);
  if (known === undefined) throw refused('fairness', value);
  return known;
}

function refused(name: string, value: unknown) {
  return problem(
    'comparison.arguments',
    vscode.l10n.t('{0} cannot be {1}.', name, JSON.stringify(value) ?? 'undefined'),
    vscode.l10n.t('Leave it out to be asked.'),
  );
}
