import { applyEdits, textEdits, type EditOp, type Fix, type TextEdit } from './edits';
import { parseConfig } from './parse';

/** Edits that carry out a fix on `text`; each operation sees what the ones before it wrote. */
export function fixEdits(text: string, fix: Fix): TextEdit[] {
  const [only] = fix.edits;
  if (fix.edits.length === 1) return opEdits(text, only);
  return difference(text, applyFix(text, fix));
}

/** The text after a fix. */
export function applyFix(text: string, fix: Fix): string {
  return fix.edits.reduce((current, op) => applyEdits(current, opEdits(current, op)), text);
}

function opEdits(text: string, op: EditOp): TextEdit[] {
  const { document } = parseConfig(text);
  return document === undefined ? [] : textEdits(document, text, [op]);
}

/** One edit that turns `before` into `after`: what lies between their common beginning and their common end. */
export function difference(before: string, after: string): TextEdit[] {
  if (before === after) return [];
  let start = 0;
  while (start < before.length && before[start] === after[start]) start++;
  let tail = 0;
  const most = Math.min(before.length, after.length) - start;
  while (tail < most && before[before.length - 1 - tail] === after[after.length - 1 - tail]) tail++;
  return [{ range: { start, end: before.length - tail }, newText: after.slice(start, after.length - tail) }];
}
