import * as vscode from 'vscode';
import { definitionText, type ComparisonDefinition } from '../common/comparison/definition';
import { choiceOf } from '../common/config/methodChoices';
import { variantsOf, type Change, type Variant } from '../common/comparison/variants';
import { describeMethod } from '../common/config/describe';
import { numberText } from '../common/config/numberText';
import { parseConfig } from '../common/config/parse';
import { problem } from '../common/errors';
import { parentOf } from '../models/places';
import { encodeText } from '../runs/files';
import { workspaceFiles } from '../runs/workspaceFiles';
import { firstError, type OpenBase } from './base';

/** What a person decided on. */
export interface ComparisonPlan {
  readonly base: OpenBase;
  readonly kind: ComparisonDefinition['kind'];
  readonly key?: string;
  readonly question: string;
  /** Wish for the folder's name; a number is added if it is taken. */
  readonly name: string;
  readonly changes: readonly Change[];
  readonly seeds: number;
}

/** A written comparison. */
export interface WrittenComparison {
  readonly uri: vscode.Uri;
  readonly configs: readonly vscode.Uri[];
}

/**
 * Writes `comparisons/NAME/` beside the base config: a config for each variant and seed, and `comparison.json`. Seeds count
 * up from the base config's. Nothing is written if a variant has an error.
 *
 * @throws `comparison.badVariant` with the first error.
 */
export async function writeComparison(plan: ComparisonPlan): Promise<WrittenComparison> {
  const { base, kind, key, question, changes } = plan;
  const beside = parentOf(base.uri);
  const name = await freeName(beside, plan.name);
  const place = { comparison: name, back: '../../', note: noteOf(plan) };
  const first = base.config.training.seed;
  const seeds = Array.from({ length: plan.seeds }, (_, i) => first + i);
  const variants = changes.flatMap(change => variantsOf(base, change, drawsOwnSeeds(change) ? [first] : seeds, place));
  for (const variant of variants) refuseBroken(variant, base);
  const ending = /\.peft\.(ya?ml|json)$/i.exec(base.uri.path)?.[0] ?? '.peft.yaml';
  const folder = vscode.Uri.joinPath(beside, 'comparisons', name);
  const files = workspaceFiles(folder);
  for (const variant of variants) await files.write(`${variant.name}${ending}`, encodeText(variant.text));
  const baseName = base.uri.path.slice(base.uri.path.lastIndexOf('/') + 1);
  const definition: ComparisonDefinition = {
    version: 1,
    name,
    kind,
    question,
    base: `../../${baseName}`,
    key,
    variants: variants.map(variant => ({
      group: variant.group,
      label: labelOf(plan, variant),
      seed: variant.seed,
      config: `${variant.name}${ending}`,
    })),
  };
  await files.write('comparison.json', encodeText(definitionText(definition)));
  return {
    uri: vscode.Uri.joinPath(folder, 'comparison.json'),
    configs: variants.map(variant => vscode.Uri.joinPath(folder, `${variant.name}${ending}`)),
  };
}

/** Few-shot prompting draws its shots several times within one run. */
function drawsOwnSeeds({ group }: Change): boolean {
  return group === 'few-shot';
}

function refuseBroken({ name, text }: Variant, { facts }: OpenBase): void {
  const error = firstError(text, facts);
  if (error === undefined) return;
  throw problem('comparison.badVariant', `${name}, ${error}`, vscode.l10n.t('Leave this variant out.'));
}

function labelOf({ key }: ComparisonPlan, { group, text }: Variant): string {
  if (key !== undefined) {
    const value = Number(group);
    return `${key.slice(key.lastIndexOf('.') + 1)} ${Number.isFinite(value) ? numberText(value) : group}`;
  }
  const { value } = parseConfig(text);
  if (value === undefined) return group;
  const label = describeMethod(value);
  return choiceOf(value) === 'qlora' ? `Q${label}` : label;
}

function noteOf({ base, key, question }: ComparisonPlan): string {
  const file = base.uri.path.slice(base.uri.path.lastIndexOf('/') + 1);
  const what = key === undefined ? 'another method' : `another ${key}`;
  return `Made from ../../${file} with ${what}. ${question}`.trim();
}

async function freeName(beside: vscode.Uri, wish: string): Promise<string> {
  const files = workspaceFiles(vscode.Uri.joinPath(beside, 'comparisons'));
  for (let count = 1; ; count++) {
    const candidate = count === 1 ? wish : `${wish}-${count}`;
    if (!(await files.stat(candidate))) return candidate;
  }
}
