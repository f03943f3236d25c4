import { problem, type ProblemError } from '../../../src/common/errors';
import { findJsonFault, placeOf } from './jsonScan';

export type JsonObject = Readonly<Record<string, unknown>>;

/** Names a file for messages: `code` and `hint` go into each problem, `label` is what the person calls the file. */
export interface JsonPlace {
  readonly code: string;
  readonly label: string;
  readonly hint: string;
}

/** Parses a JSON object; anything else is a problem that names line and column. */
export function parseJsonObject(text: string, place: JsonPlace): JsonObject {
  const value = parseJson(text, place);
  if (isObject(value)) return value;
  throw problem(place.code, `${place.label} must hold a JSON object, not ${describe(value)}.`, place.hint);
}

function parseJson(text: string, place: JsonPlace): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    const fault = findJsonFault(text);
    const { line, column } = placeOf(text, fault?.offset ?? 0);
    const reason = fault?.reason ?? 'the text is not JSON';
    throw problem(place.code, `${place.label}, line ${line}, column ${column}: ${reason}.`, place.hint);
  }
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A value in words for a message: `null`, `a list`, `the string "x"`, `the number 3`. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  const shown = JSON.stringify(value);
  return `the ${typeof value} ${shown.length > 60 ? `${shown.slice(0, 60)}…` : shown}`;
}

/** The problem for a key that holds something else than `expected`. */
export function wrongField(place: JsonPlace, key: string, expected: string, value: unknown): ProblemError {
  return problem(place.code, `${place.label}: ${key} must be ${expected}, not ${describe(value)}.`, place.hint);
}

/** An own value of `object`, with `null` read as absent. */
export function field(object: JsonObject, key: string): unknown {
  return Object.hasOwn(object, key) ? (object[key] ?? undefined) : undefined;
}

/** Bounds and default of {@link intField}; without `fallback` the key is required. */
export interface IntRange {
  readonly min: number;
  readonly max: number;
  readonly fallback?: number;
}

export function intField(object: JsonObject, key: string, place: JsonPlace, range: IntRange): number {
  const value = field(object, key) ?? range.fallback;
  if (typeof value === 'number' && Number.isInteger(value) && value >= range.min && value <= range.max) return value;
  throw wrongField(place, key, `a whole number from ${range.min} to ${range.max}`, value);
}

/** A finite number above zero. */
export function positiveField(object: JsonObject, key: string, place: JsonPlace, fallback: number): number {
  const value = field(object, key) ?? fallback;
  if (typeof value === 'number' && Number.isFinite(value) && value > 0) return value;
  throw wrongField(place, key, 'a number above 0', value);
}

export function boolField(object: JsonObject, key: string, place: JsonPlace, fallback: boolean): boolean {
  const value = field(object, key) ?? fallback;
  if (typeof value === 'boolean') return value;
  throw wrongField(place, key, 'true or false', value);
}

export function stringField(object: JsonObject, key: string, place: JsonPlace, fallback: string): string {
  const value = field(object, key) ?? fallback;
  if (typeof value === 'string') return value;
  throw wrongField(place, key, 'a string', value);
}
