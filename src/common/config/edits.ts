import { isMap, isScalar, isSeq, stringify, type Node, type Pair, type YAMLMap } from 'yaml';
import { numberText } from './numberText';
import { asNode, placeOf, resolved, type ConfigDocument } from './locate';
import type { ConfigPath, TextRange } from './range';

/** A change to the config, in its own terms. `set` writes a value, adding the key and its parents when absent. */
export type EditOp =
  | { readonly op: 'set'; readonly path: ConfigPath; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: ConfigPath }
  | { readonly op: 'rename'; readonly path: ConfigPath; readonly key: string };

/** One way to repair a finding. `preferred` ones are applied by "fix all". */
export interface Fix {
  readonly title: string;
  readonly edits: readonly EditOp[];
  readonly preferred?: boolean;
}

export interface TextEdit {
  readonly range: TextRange;
  readonly newText: string;
}

/**
 * The smallest text edits that do what `ops` say; comments and layout elsewhere stay as they are. An operation on a path
 * that is not written (`remove`, `rename`) gives no edit.
 */
export function textEdits(document: ConfigDocument, text: string, ops: readonly EditOp[]): TextEdit[] {
  const target: Target = { document, text, json: /^\s*\{/.test(text), newline: text.includes('\r\n') ? '\r\n' : '\n' };
  return ops.flatMap(op => {
    if (op.op === 'set') return setEdits(target, op.path, op.value);
    const place = placeOf(document, op.path);
    if (place?.pair === undefined) return [];
    return op.op === 'remove' ? removeEdits(target, op.path, place.pair) : renameEdits(target, place.pair, op.key);
  });
}

/** Applies edits, given in offsets of the original text. Edits at the same place keep their order. */
export function applyEdits(text: string, edits: readonly TextEdit[]): string {
  const ordered = edits.map((edit, index) => ({ edit, index }));
  ordered.sort((a, b) => b.edit.range.start - a.edit.range.start || b.index - a.index);
  return ordered.reduce(
    (result, { edit }) => result.slice(0, edit.range.start) + edit.newText + result.slice(edit.range.end),
    text,
  );
}

interface Target {
  readonly document: ConfigDocument;
  readonly text: string;
  readonly json: boolean;
  readonly newline: string;
}

function setEdits(target: Target, path: ConfigPath, value: unknown): TextEdit[] {
  const place = placeOf(target.document, path);
  if (place?.pair !== undefined) return replaceValue(target, place.pair, value);
  if (place !== undefined) return replaceNode(target, place.node, value);
  const key = String(path.at(-1));
  const parentPath = path.slice(0, -1);
  const parent = placeOf(target.document, parentPath);
  if (parent === undefined) return setEdits(target, parentPath, { [key]: value });
  const map = resolved(target.document, parent.node);
  if (isMap(map) && map.items.length > 0) return insertPair(target, map, { key, value });
  if (isMap(map) || parent.pair !== undefined) return setEdits(target, parentPath, { [key]: value });
  return [insertAt(target.text.length, rootPair(target, key, value))];
}

function rootPair(target: Target, key: string, value: unknown): string {
  const lead = target.text === '' || target.text.endsWith('\n') ? '' : target.newline;
  return `${lead}${blockPair(target, '', { key, value })}${target.newline}`;
}

function replaceNode({ json }: Target, node: Node | null, value: unknown): TextEdit[] {
  if (!node?.range) return [];
  return [{ range: { start: node.range[0], end: node.range[1] }, newText: flow(value, json) }];
}

/** Replaces what stands after the colon; a comment on the key's line stays. */
function replaceValue(target: Target, pair: Pair, value: unknown): TextEdit[] {
  const { text } = target;
  const colon = colonAfter(text, pair);
  const node = asNode(pair.value);
  const rendered = renderValue(target, pair, value);
  if (!node?.range || node.range[0] === node.range[1]) return [insertAt(colon, rendered)];
  const end = trimmedEnd(text, node.range);
  const lineEnd = endOfLine(text, colon);
  if (node.range[0] <= lineEnd) return [{ range: { start: colon, end }, newText: rendered }];
  return [insertAt(colon, rendered), { range: { start: lineEnd, end }, newText: '' }];
}

function renderValue(target: Target, pair: Pair, value: unknown): string {
  const nested = isPlainMap(value) && !target.json;
  if (!nested) return ` ${flow(value, target.json)}`;
  const indent = `${' '.repeat(columnOf(target.text, keyStart(pair)))}  `;
  return Object.entries(value)
    .map(([key, child]) => `${target.newline}${blockPair(target, indent, { key, value: child })}`)
    .join('');
}

interface NewPair {
  readonly key: string;
  readonly value: unknown;
}

function insertPair(target: Target, map: YAMLMap, pair: NewPair): TextEdit[] {
  const { text, newline } = target;
  const last = map.items[map.items.length - 1];
  const start = keyStart(map.items[0]);
  const end = endOfPair(text, last);
  if (map.flow) {
    const multiline = text.slice(map.range?.[0] ?? 0, start).includes('\n');
    const gap = multiline ? `,${newline}${' '.repeat(columnOf(text, start))}` : ', ';
    return [insertAt(end, `${gap}${flowPair(pair, target.json)}`)];
  }
  const indent = ' '.repeat(columnOf(text, start));
  return [insertAt(endOfLine(text, end), `${newline}${blockPair(target, indent, pair)}`)];
}

function removeEdits(target: Target, path: ConfigPath, pair: Pair): TextEdit[] {
  const { text, document } = target;
  const parent = resolved(document, placeOf(document, path.slice(0, -1))?.node ?? null);
  if (!isMap(parent)) return [];
  const start = keyStart(pair);
  const end = endOfPair(text, pair);
  if (parent.flow) return [{ range: flowExtent(text, parent, pair), newText: '' }];
  const lineStart = text.lastIndexOf('\n', start - 1) + 1;
  const ownLine = text.slice(lineStart, start).trim() === '';
  const lineEnd = Math.min(endOfLine(text, end) + newlineLength(text, endOfLine(text, end)), text.length);
  return [
    { range: { start: ownLine ? lineStart : start, end: ownLine ? lineEnd : endOfLine(text, end) }, newText: '' },
  ];
}

/** The pair with the comma that follows it, or the one before it when it is the last. */
function flowExtent(text: string, map: YAMLMap, pair: Pair): TextRange {
  const index = map.items.indexOf(pair);
  if (index + 1 < map.items.length) return { start: keyStart(pair), end: keyStart(map.items[index + 1]) };
  const start = index > 0 ? endOfPair(text, map.items[index - 1]) : keyStart(pair);
  return { start, end: endOfPair(text, pair) };
}

/** Keeps the quotes of the old key: without them `{"a":1}` would become one word. */
function renameEdits({ json, text }: Target, pair: Pair, key: string): TextEdit[] {
  const range = asNode(pair.key)?.range;
  if (!range) return [];
  const isQuoted = json || text[range[0]] === '"' || text[range[0]] === "'";
  return [{ range: { start: range[0], end: range[1] }, newText: flow(key, isQuoted) }];
}

/** `key: value`, nested maps on lines of their own. */
function blockPair(target: Target, indent: string, { key, value }: NewPair): string {
  if (!isPlainMap(value) || Object.keys(value).length === 0) return `${indent}${flowPair({ key, value }, target.json)}`;
  const children = Object.entries(value).map(([name, child]) =>
    blockPair(target, `${indent}  `, { key: name, value: child }),
  );
  return [`${indent}${flow(key, target.json)}:`, ...children].join(target.newline);
}

function flowPair({ key, value }: NewPair, json: boolean): string {
  return `${flow(key, json)}: ${flow(value, json)}`;
}

/** One-line text of a value. YAML's white space is less than `trim` takes: a no-break space is a value. */
function flow(value: unknown, json: boolean): string {
  if (typeof value === 'number') return numberText(value);
  if (json) return JSON.stringify(value);
  return stringify(value, { collectionStyle: 'flow', lineWidth: 0, flowCollectionPadding: false }).replace(/\n$/, '');
}

function isPlainMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function insertAt(offset: number, newText: string): TextEdit {
  return { range: { start: offset, end: offset }, newText };
}

function keyStart(pair: Pair): number {
  return asNode(pair.key)?.range?.[0] ?? 0;
}

/** Offset just after the colon of a pair; the end of the key where there is none. */
function colonAfter(text: string, pair: Pair): number {
  const keyEnd = asNode(pair.key)?.range?.[1] ?? 0;
  const colon = /^\s*:/.exec(text.slice(keyEnd, keyEnd + 64));
  return colon === null ? keyEnd : keyEnd + colon[0].length;
}

function endOfPair(text: string, pair: Pair): number {
  const node = asNode(pair.value);
  if (!node?.range || node.range[0] === node.range[1]) return colonAfter(text, pair);
  return endOfNode(text, node, node.range);
}

/** Where the last written thing in a node ends: block collections end with their last entry, not with the blank after. */
function endOfNode(text: string, node: Node, range: readonly [number, number, number]): number {
  if (isMap(node) && !node.flow && node.items.length > 0) return endOfPair(text, node.items[node.items.length - 1]);
  if (isSeq(node) && !node.flow && node.items.length > 0) {
    const last = asNode(node.items[node.items.length - 1]);
    if (last?.range && last.range[0] !== last.range[1]) return endOfNode(text, last, last.range);
  }
  return isScalar(node) ? Math.max(trimmedEnd(text, range), range[0]) : trimmedEnd(text, range);
}

function trimmedEnd(text: string, range: readonly [number, number, number]): number {
  let end = range[1];
  while (end > range[0] && /[ \t\r\n]/.test(text[end - 1])) end--;
  return end;
}

function endOfLine(text: string, offset: number): number {
  const newline = text.indexOf('\n', offset);
  if (newline < 0) return text.length;
  return text[newline - 1] === '\r' && newline > offset ? newline - 1 : newline;
}

function newlineLength(text: string, at: number): number {
  return text.startsWith('\r\n', at) ? 2 : 1;
}

function columnOf(text: string, offset: number): number {
  return offset - (text.lastIndexOf('\n', offset - 1) + 1);
}
