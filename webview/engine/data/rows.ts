import { problem, type ProblemError } from '../../../src/common/errors';
import { describe, isObject, type JsonObject } from '../formats/jsonFields';
import { findJsonFault } from '../formats/jsonScan';

/** One turn of a chat row. */
export interface Message {
  readonly role: string;
  readonly content: string;
}

/** A checked line of a JSONL file; `line` counts from 1. */
export type Row =
  | { readonly kind: 'completion'; readonly line: number; readonly prompt: string; readonly completion: string }
  | { readonly kind: 'text'; readonly line: number; readonly text: string }
  | { readonly kind: 'messages'; readonly line: number; readonly messages: readonly Message[] }
  | {
      readonly kind: 'tokens';
      readonly line: number;
      readonly ids: readonly number[];
      readonly labels: readonly number[];
    };

export type RowKind = Row['kind'];

const maxLineBytes = 16 * 1024 * 1024;
const kinds: readonly { readonly kind: RowKind; readonly keys: readonly string[]; readonly shown: string }[] = [
  { kind: 'completion', keys: ['prompt', 'completion'], shown: '{"prompt", "completion"}' },
  { kind: 'tokens', keys: ['input_ids'], shown: '{"input_ids", "labels"}' },
  { kind: 'messages', keys: ['messages'], shown: '{"messages"}' },
  { kind: 'text', keys: ['text'], shown: '{"text"}' },
];
const rowHint = `Each line must be a JSON object of one kind: ${kinds.map(kind => kind.shown).join(', ')}.`;

/**
 * Reads JSONL rows; blank lines, CRLF and a byte-order mark are accepted, keys beyond the row's kind are ignored.
 * Throws a problem with `label` and the line for bytes that are not UTF-8, lines over 16 MiB, malformed JSON, wrong
 * types, rows of different kinds, and files without rows.
 */
export function readRows(bytes: Uint8Array, label: string): Row[] {
  const rows: Row[] = [];
  for (const { line, text } of lines(bytes, label)) {
    if (text.trim() === '') continue;
    const row = parseRow(text, line, label);
    const first = rows.at(0);
    if (first && first.kind !== row.kind) throw mixedKinds(first, row, label);
    rows.push(row);
  }
  if (rows.length > 0) return rows;
  throw problem('data.empty', `${label} has no rows.`, `Add at least one. ${rowHint}`);
}

/** Splits on LF before decoding, so a bad byte is reported with its own line and no line is decoded past the limit. */
function* lines(bytes: Uint8Array, label: string): Generator<{ line: number; text: string }> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let start = 0;
  for (let line = 1; start < bytes.length; line++) {
    const next = bytes.indexOf(0x0a, start);
    const end = next < 0 ? bytes.length : next;
    if (end - start > maxLineBytes)
      throw problem('data.line', `${label}, line ${line} is longer than 16 MiB.`, 'Put one example on each line.');
    yield { line, text: decodeLine(decoder, bytes.subarray(start, end), { start, line, label }) };
    start = end + 1;
  }
}

interface LinePlace {
  readonly start: number;
  readonly line: number;
  readonly label: string;
}

function decodeLine(decoder: TextDecoder, bytes: Uint8Array, place: LinePlace): string {
  try {
    return decoder.decode(bytes);
  } catch {
    const byte = place.start + firstBadByte(bytes);
    throw problem(
      'data.encoding',
      `${place.label}, line ${place.line}: byte ${byte} is not valid UTF-8.`,
      'Save the file with the encoding UTF-8.',
    );
  }
}

/** Offset of the first byte that starts no valid character. */
function firstBadByte(bytes: Uint8Array): number {
  let at = 0;
  while (at < bytes.length) {
    const size = characterSize(bytes, at);
    if (size === 0) break;
    at += size;
  }
  return at;
}

/** Bytes of the UTF-8 character at `at`, or 0 when there is none (Unicode standard, table 3-7). */
function characterSize(bytes: Uint8Array, at: number): number {
  const lead = bytes[at];
  if (lead < 0x80) return 1;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  const size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  const tail = bytes.subarray(at + 1, at + size);
  if (tail.length < size - 1 || tail.some(byte => (byte & 0xc0) !== 0x80)) return 0;
  const second = tail[0];
  const overlong = (lead === 0xe0 && second < 0xa0) || (lead === 0xf0 && second < 0x90);
  const beyond = (lead === 0xed && second > 0x9f) || (lead === 0xf4 && second > 0x8f);
  return overlong || beyond ? 0 : size;
}

function parseRow(text: string, line: number, label: string): Row {
  const value = parseLine(text, line, label);
  const fail = (what: string) => problem('data.row', `${label}, line ${line}: ${what}.`, rowHint);
  if (!isObject(value)) throw fail(`a row must be a JSON object, not ${describe(value)}`);
  const match = kinds.find(({ keys }) => keys.every(key => Object.hasOwn(value, key)));
  if (!match) throw fail(`the row has ${keyList(value)}, which is no known kind`);
  if (match.kind === 'completion') {
    const [prompt, completion] = [textField(value, 'prompt', fail), textField(value, 'completion', fail)];
    return { kind: 'completion', line, prompt, completion };
  }
  if (match.kind === 'text') return { kind: 'text', line, text: textField(value, 'text', fail) };
  if (match.kind === 'messages') return { kind: 'messages', line, messages: messages(value['messages'], fail) };
  return { kind: 'tokens', line, ...tokens(value, fail) };
}

function parseLine(text: string, line: number, label: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    const fault = findJsonFault(text);
    const column = (fault?.offset ?? 0) + 1;
    const reason = fault?.reason ?? 'the line is not JSON';
    throw problem('data.json', `${label}, line ${line}, column ${column}: ${reason}.`, rowHint);
  }
}

type Fail = (what: string) => ProblemError;

function keyList(row: JsonObject): string {
  const keys = Object.keys(row);
  if (keys.length === 0) return 'no keys';
  const shown = keys.slice(0, 8).map(key => `"${key.slice(0, 40)}"`);
  return `the keys ${shown.join(', ')}${keys.length > 8 ? ' …' : ''}`;
}

function textField(row: JsonObject, key: string, fail: Fail): string {
  const value = row[key];
  if (typeof value === 'string') return value;
  throw fail(`"${key}" must be a string, not ${describe(value)}`);
}

function messages(value: unknown, fail: Fail): Message[] {
  if (!Array.isArray(value) || value.length === 0) throw fail('"messages" must be a list with at least one message');
  return value.map((item: unknown, index) => {
    if (!isObject(item)) throw fail(`message ${index + 1} must be an object with "role" and "content"`);
    const inMessage: Fail = what => fail(`message ${index + 1}: ${what}`);
    return { role: textField(item, 'role', inMessage), content: textField(item, 'content', inMessage) };
  });
}

/** Labels default to the ids themselves, so that a file of `input_ids` alone trains on every token. */
function tokens(row: JsonObject, fail: Fail): { ids: number[]; labels: number[] } {
  const ids = integers(row, 'input_ids', { least: 0, expected: 'a list of token ids' }, fail);
  if (!Object.hasOwn(row, 'labels')) return { ids, labels: ids };
  const labels = integers(row, 'labels', { least: -100, expected: 'a list of token ids or -100' }, fail);
  if (labels.length !== ids.length)
    throw fail(`"labels" has ${labels.length} entries and "input_ids" ${ids.length}; they must be equal`);
  const strange = labels.find(label => label < 0 && label !== -100);
  if (strange !== undefined) throw fail(`"labels" contains ${strange}; use a token id, or -100 for no loss`);
  return { ids, labels };
}

function integers(
  row: JsonObject,
  key: string,
  { least, expected }: { least: number; expected: string },
  fail: Fail,
): number[] {
  const value = row[key];
  if (!Array.isArray(value)) throw fail(`"${key}" must be ${expected}, not ${describe(value)}`);
  return value.map((item: unknown, index) => {
    if (typeof item === 'number' && Number.isInteger(item) && item >= least && item <= 0x7fffffff) return item;
    throw fail(`"${key}" must be ${expected}; entry ${index + 1} is ${describe(item)}`);
  });
}

function mixedKinds(first: Row, row: Row, label: string): ProblemError {
  const shown = (kind: RowKind) => kinds.find(candidate => candidate.kind === kind)?.shown ?? kind;
  return problem(
    'data.mixed',
    `${label}, line ${row.line} is a ${shown(row.kind)} row, but line ${first.line} is a ${shown(first.kind)} row.`,
    'Keep one kind of row in a file.',
  );
}
