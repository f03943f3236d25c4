import type { ConfigPath, TextRange } from './range';

/** What is being written at an offset. Works on text that does not parse yet. */
export interface Cursor {
  /** `key`: a key under `path` is being written; `value`: the value of `path`; `rule`: ids after `# peft-disable`. */
  readonly kind: 'key' | 'value' | 'rule';
  readonly path: ConfigPath;
  /** What has been typed of it, to be replaced. */
  readonly word: TextRange;
  /** Within `[…]`, `{…}` or JSON, and whether texts need quotes. */
  readonly flow: boolean;
  readonly json: boolean;
  /** An entry of a list rather than the whole value. */
  readonly inList: boolean;
}

/** Reads the surroundings of `offset`; undefined inside an ordinary comment. */
export function cursorAt(text: string, offset: number): Cursor | undefined {
  const json = /^\s*\{/.test(text);
  const scan = scanFlow(text, offset);
  if (scan.commentAt !== undefined) return ruleCursor(text, offset, { at: scan.commentAt, json });
  const top = scan.stack.at(-1);
  if (top === undefined) return blockCursor(text, offset, json);
  const word = { start: scan.wordStart, end: wordEnd(text, offset) };
  const isValue = top.list || top.key !== undefined;
  const path = top.list || top.key === undefined ? top.path : [...top.path, top.key];
  return { kind: isValue ? 'value' : 'key', path, word, flow: true, json, inList: top.list };
}

function ruleCursor(text: string, offset: number, { at, json }: { at: number; json: boolean }): Cursor | undefined {
  const match = /^#\s*peft-disable(-next-line)?\s+([A-Za-z0-9, ]*)$/.exec(text.slice(at, offset));
  if (match === null) return undefined;
  const typed = /[A-Za-z0-9]*$/.exec(match[2])?.[0].length ?? 0;
  return { kind: 'rule', path: [], word: { start: offset - typed, end: offset }, flow: false, json, inList: false };
}

interface Level {
  readonly list: boolean;
  readonly path: ConfigPath;
  /** The key before the colon, while its value is being written. */
  key?: string;
}

interface Scan {
  readonly stack: readonly Level[];
  /** Start of the entry being written. */
  readonly wordStart: number;
  /** Start of the comment the offset is in. */
  readonly commentAt?: number;
}

/** Follows brackets and quotes from the start of the text to `offset`. */
function scanFlow(text: string, offset: number): Scan {
  const stack: Level[] = [];
  let wordStart = 0;
  for (let i = 0; i < offset; i++) {
    const char = text[i];
    const top = stack.at(-1);
    if (char === '#' && (i === 0 || /\s/.test(text[i - 1]))) {
      const end = endOfLine(text, i);
      if (offset <= end) return { stack, wordStart, commentAt: i };
      i = end - 1;
    } else if ((char === '"' || char === "'") && startsValue(text, i)) {
      const end = closingQuote(text, i);
      if (end >= offset) return { stack, wordStart: i };
      i = end;
    } else if ((char === '{' || char === '[') && (top !== undefined || startsValue(text, i))) {
      stack.push({ list: char === '[', path: pathInside(text, i, top) });
      wordStart = i + 1;
    } else if (top !== undefined && (char === '}' || char === ']')) {
      stack.pop();
    } else if (top !== undefined && char === ',') {
      top.key = undefined;
      wordStart = i + 1;
    } else if (top?.list === false && char === ':' && /[\s"]/.test(text[i + 1] ?? ' ')) {
      top.key = text
        .slice(wordStart, i)
        .trim()
        .replace(/^["']|["']$/g, '');
      wordStart = i + 1;
    }
    if (wordStart === i && /\s/.test(text[wordStart])) wordStart = i + 1;
  }
  while (wordStart < offset && /\s/.test(text[wordStart])) wordStart++;
  return { stack, wordStart };
}

/** The path whose children stand inside a bracket that opens at `at`. */
function pathInside(text: string, at: number, top: Level | undefined): ConfigPath {
  if (top !== undefined) return top.key === undefined ? top.path : [...top.path, top.key];
  const cursor = blockCursor(text, at, false);
  return cursor.kind === 'value' ? cursor.path : [];
}

/** A quote or bracket opens a value only where a value can start; in the middle of a plain text it is a letter. */
function startsValue(text: string, at: number): boolean {
  return /(?:^|[:[{,]|\n|- )\s*$/.test(text.slice(Math.max(0, at - 80), at));
}

function closingQuote(text: string, open: number): number {
  const quote = text[open];
  for (let i = open + 1; i < text.length; i++) {
    if (text[i] === '\\' && quote === '"') i++;
    else if (text[i] === quote) return i;
    else if (text[i] === '\n') return i;
  }
  return text.length;
}

/** Block style: the line says key or value, the lines above with less indentation say under what. */
function blockCursor(text: string, offset: number, json: boolean): Cursor {
  const lineStart = offset === 0 ? 0 : text.lastIndexOf('\n', offset - 1) + 1;
  const before = text.slice(lineStart, offset);
  const [, indent, dashes, key, gap] = /^(\s*)((?:- +)*)(?:(["']?[\w.-]+["']?)\s*:(\s+|$))?/.exec(before) ?? [
    '',
    '',
    '',
    '',
    '',
  ];
  const inList = dashes !== '' && key === undefined;
  const column = indent.length + dashes.length;
  const parents = parentPath(text, lineStart, dashes === '' ? column : indent.length + 1);
  const isValue = key !== undefined && gap !== '';
  const used = isValue ? (/^\s*(?:- +)*["']?[\w.-]+["']?\s*:\s*/.exec(before)?.[0].length ?? 0) : column;
  const word = { start: lineStart + used, end: wordEnd(text, offset) };
  if (isValue) return { kind: 'value', path: [...parents, key.replace(/["']/g, '')], word, flow: false, json, inList };
  return { kind: inList ? 'value' : 'key', path: parents, word, flow: false, json, inList };
}

/** Keys of the enclosing maps, from the lines above `lineStart` that are indented by less than `column`. */
function parentPath(text: string, lineStart: number, column: number): string[] {
  const path: string[] = [];
  let limit = column;
  const lines = text.slice(0, Math.max(0, lineStart - 1)).split('\n');
  for (let i = lines.length - 1; i >= 0 && limit > 0; i--) {
    const match = /^(\s*)(?:- +)*["']?([\w.-]+)["']?\s*:/.exec(lines[i]);
    if (match === null || match[1].length >= limit) continue;
    path.unshift(match[2]);
    limit = match[1].length;
  }
  return path;
}

function wordEnd(text: string, offset: number): number {
  const rest = /^["']?[\w.:/-]*["']?/.exec(text.slice(offset, offset + 200))?.[0] ?? '';
  return offset + rest.replace(/:$/, '').length;
}

function endOfLine(text: string, offset: number): number {
  const newline = text.indexOf('\n', offset);
  return newline < 0 ? text.length : newline;
}
