import { cursorAt, type Cursor } from './cursor';
import type { ModelFacts } from './facts';
import { keyMarkdown } from './hover';
import { methodTypeOf, show, valueAt } from './issues';
import { keyAt, keysAt, type KeyInfo } from './keys';
import { parseConfig } from './parse';
import { pathText, type ConfigPath, type TextRange } from './range';
import { allRules } from './rules/all';

/** One proposal; `insertText` is a snippet in VS Code's syntax. */
export interface Completion {
  readonly label: string;
  readonly kind: 'key' | 'value' | 'module' | 'rule';
  readonly detail: string;
  readonly documentation?: string;
  readonly insertText: string;
  readonly range: TextRange;
}

export interface Completions {
  readonly items: readonly Completion[];
  /** Files or folders also fit here. */
  readonly wantsPath?: { readonly kind: 'file' | 'folder'; readonly range: TextRange; readonly quote: boolean };
}

const pathKeys: Readonly<Record<string, 'file' | 'folder'>> = {
  model: 'folder',
  'data.train': 'file',
  'data.eval': 'file',
  'method.adapter': 'folder',
};
const moduleLists = new Set(['method.target_modules', 'method.exclude_modules']);
const moduleTables = new Set(['method.rank_pattern', 'method.alpha_pattern']);

/** What may be written at `offset`. */
export function completionsAt(text: string, offset: number, model?: ModelFacts): Completions {
  const cursor = cursorAt(text, offset);
  if (cursor === undefined) return { items: [] };
  if (cursor.kind === 'rule') return { items: ruleItems(cursor) };
  // Without the unfinished word the rest usually parses, so that keys already there are known.
  const rest = parseConfig(text.slice(0, cursor.word.start) + text.slice(cursor.word.end));
  const raw: unknown = rest.raw ?? {};
  if (cursor.kind === 'key') return { items: keyItems(cursor, raw, model) };
  const key = pathText(cursor.path);
  const path = Object.hasOwn(pathKeys, key) ? pathKeys[key] : undefined;
  return {
    items: valueItems(cursor, methodTypeOf(raw), model),
    wantsPath: path && { kind: path, range: cursor.word, quote: cursor.json },
  };
}

function ruleItems(cursor: Cursor): Completion[] {
  return allRules.map(rule => ({
    label: rule.id,
    kind: 'rule',
    detail: rule.title,
    documentation: rule.why,
    insertText: rule.id,
    range: cursor.word,
  }));
}

function keyItems(cursor: Cursor, raw: unknown, model: ModelFacts | undefined): Completion[] {
  const present = valueAt(raw, cursor.path);
  const taken = new Set(typeof present === 'object' && present !== null ? Object.keys(present) : []);
  if (moduleTables.has(pathText(cursor.path))) return tableItems(cursor, taken, model);
  return keysAt(cursor.path, methodTypeOf(raw))
    .filter(info => !taken.has(info.name))
    .map(info => ({
      label: info.name,
      kind: 'key',
      detail: info.expected,
      documentation: keyMarkdown(info, { path: [...cursor.path, info.name] }),
      insertText: keySnippet(info, cursor),
      range: cursor.word,
    }));
}

function tableItems(cursor: Cursor, taken: ReadonlySet<string>, model: ModelFacts | undefined): Completion[] {
  return leaves(model)
    .filter(leaf => !taken.has(leaf))
    .map(leaf => ({
      label: leaf,
      kind: 'module',
      detail: 'module of this model',
      insertText: `${quoted(leaf, cursor)}: \${1:8}`,
      range: cursor.word,
    }));
}

function keySnippet(info: KeyInfo, cursor: Cursor): string {
  const name = quoted(info.name, cursor);
  if (info.shape === 'map' && !cursor.flow) return `${name}:\n  $0`;
  if (info.shape === 'map') return `${name}: {$0}`;
  if (info.values.length > 0) {
    const values = [...info.values].sort((a, b) => Number(b === info.default) - Number(a === info.default));
    return `${name}: \${1|${values.map(value => valueText(value, cursor)).join(',')}|}`;
  }
  const value = info.default ?? info.examples[0];
  if (value === undefined) return `${name}: $1`;
  return `${name}: \${1:${escapeSnippet(valueText(value, cursor))}}`;
}

function valueItems(cursor: Cursor, method: string | undefined, model: ModelFacts | undefined): Completion[] {
  const info = keyAt(cursor.path, method);
  if (info === undefined) return [];
  const modules = moduleLists.has(pathText(cursor.path)) ? leaves(model) : [];
  const fixed = cursor.inList ? [] : info.values;
  const shown = fixed.length > 0 || cursor.inList ? fixed : unique([info.default, ...info.examples]);
  const item = (value: unknown, kind: Completion['kind'], detail: string): Completion => ({
    label: show(value),
    kind,
    detail,
    documentation: keyMarkdown(info, { path: cursor.path }),
    insertText: escapeSnippet(valueText(value, cursor)),
    range: cursor.word,
  });
  const values = shown.map(value => item(value, 'value', value === info.default ? 'default' : ''));
  return [...values, ...modules.map(leaf => item(leaf, 'module', 'module of this model'))];
}

function unique(values: readonly unknown[]): unknown[] {
  const texts = new Map(values.filter(value => value !== undefined).map(value => [JSON.stringify(value), value]));
  return [...texts.values()].filter(value => JSON.stringify(value) !== '{}' && JSON.stringify(value) !== '[]');
}

function leaves(model: ModelFacts | undefined): string[] {
  return [...new Set((model?.modules ?? []).filter(module => !module.isOutputHead).map(module => module.leaf))];
}

function quoted(text: string, { json }: Cursor): string {
  return json ? JSON.stringify(text) : text;
}

function valueText(value: unknown, cursor: Cursor): string {
  if (typeof value !== 'string')
    return Array.isArray(value) && !cursor.json ? `[${value.map(show).join(', ')}]` : show(value);
  const needsQuotes = cursor.json || /^$|^[\s\-?:,[\]{}#&*!|>'"%@`.]|: | #|[\\]/.test(value);
  return needsQuotes ? JSON.stringify(value) : value;
}

function escapeSnippet(text: string): string {
  return text.replace(/[\\$}]/g, match => `\\${match}`);
}

/** The paths a config names, with the place of each: for links and for the file completion. */
export function namedPaths(): readonly { readonly path: ConfigPath; readonly kind: 'file' | 'folder' }[] {
  return Object.entries(pathKeys).map(([key, kind]) => ({ path: key.split('.'), kind }));
}
