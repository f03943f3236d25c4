import type { z } from 'zod';
import type { Fix } from './edits';
import { foreignKey } from './foreignKeys';
import { keyAt, keysAt, pathsOfKey, rootKeys, type KeyInfo } from './keys';
import { numberText } from './numberText';
import type { ConfigProblem, ParsedConfig } from './parse';
import { pathText, type ConfigPath } from './range';
import { nearest, synonymOf } from './suggest';

type Issue = z.core.$ZodIssue;
type View = Omit<ParsedConfig, 'problems' | 'value'>;

/** Keys whose range the schema already enforces, with the rule that says why. */
const ruleOfKey: ReadonlyMap<string, string> = new Map([
  ['learning_rate', 'L10'],
  ['adam_beta1', 'L10'],
  ['adam_beta2', 'L10'],
  ['adam_epsilon', 'L10'],
  ['block_size', 'Q03'],
  ['total_step', 'A01'],
  ['beta1', 'A08'],
  ['beta2', 'A08'],
]);

/** Turns what the schema found into sentences that name the place, what stands there and what may. */
export function issueProblems(issues: readonly Issue[], view: View): ConfigProblem[] {
  const problems = issues.flatMap(issue => {
    const path = issue.path.map(segment => (typeof segment === 'symbol' ? String(segment) : segment));
    if (issue.code === 'unrecognized_keys') return issue.keys.map(key => unknownKey([...path, key], view));
    return [isWritten(path, view) ? wrongValue(path, view) : missingKey(path, view)];
  });
  const provided = new Set(problems.flatMap(providedPath));
  return problems.filter(({ code, path }) => code !== 'config.missingKey' || !provided.has(pathText(path)));
}

/** The key that a misspelt or misplaced one stands for is not missing as well. */
function providedPath({ path, fixes }: ConfigProblem): string[] {
  const edits = fixes.filter(fix => fix.preferred === true).flatMap(fix => fix.edits);
  return edits.flatMap(edit => {
    if (edit.op === 'rename') return [pathText([...path.slice(0, -1), edit.key])];
    return edit.op === 'set' ? [pathText(edit.path)] : [];
  });
}

function isWritten(path: ConfigPath, view: View): boolean {
  return path.length === 0 ? view.raw !== null && view.raw !== undefined : view.locate(path) !== undefined;
}

function missingKey(path: ConfigPath, view: View): ConfigProblem {
  if (path.length === 0) {
    const message = `The config is empty; it needs ${list(required(rootKeys))}.`;
    return problemAt('config.empty', message, 'Run "PEFT: New Config…" for a commented start.', { path, view });
  }
  const info = keyAt(path);
  const parent = path.length === 1 ? 'The config' : `\`${pathText(path.slice(0, -1))}\``;
  const example = exampleOf(info);
  const message = `${parent} needs the key \`${path.at(-1)}\`.`;
  const fixes: Fix[] =
    example === undefined ? [] : [{ title: `Add ${pathText(path)}`, edits: [{ op: 'set', path, value: example }] }];
  return problemAt('config.missingKey', message, firstSentence(info), { path, view, fixes });
}

function wrongValue(path: ConfigPath, view: View): ConfigProblem {
  const found = valueAt(view.raw, path);
  if (path.length === 0) {
    const message = `A config must be a map of keys; found ${describe(found)}.`;
    return problemAt('config.type', message, `Start with \`model:\`, \`data:\` and \`method:\`.`, { path, view });
  }
  const info = keyAt(path) ?? keyAt(path.slice(0, -1));
  const message = `\`${pathText(path)}\` must be ${expectedAt(path, info)}; found ${describe(found)}.`;
  const code = ruleOfKey.get(String(path.at(-1))) ?? 'config.type';
  const hint = info?.default === undefined ? firstSentence(info) : `The default is ${show(info.default)}.`;
  return problemAt(code, message, hint, { path, view, fixes: valueFixes({ path, info, found }) });
}

function expectedAt(path: ConfigPath, info: KeyInfo | undefined): string {
  const inside = keyAt(path) === undefined;
  return inside && info !== undefined ? `part of ${info.expected}` : (info?.expected ?? 'something else');
}

function valueFixes({ path, info, found }: { path: ConfigPath; info?: KeyInfo; found: unknown }): Fix[] {
  if (info === undefined || keyAt(path) === undefined) return [];
  const fixes: Fix[] = [];
  const texts = info.values.filter(value => typeof value === 'string');
  const meant = typeof found === 'string' ? nearest(found, texts) : undefined;
  if (meant !== undefined) fixes.push(setFix(path, meant));
  const plain = typeof found === 'string' ? unquoted(found, info) : undefined;
  if (plain !== undefined) fixes.push(setFix(path, plain));
  if (info.default !== undefined && fixes.length === 0) {
    fixes.push({ title: `Remove ${pathText(path)} (default ${show(info.default)})`, edits: [{ op: 'remove', path }] });
  }
  return fixes;
}

/** `"0.001"` → 0.001 and `"yes"` → true where a number or a boolean is wanted. */
function unquoted(found: string, info: KeyInfo): unknown {
  if (info.values.includes(true)) {
    if (/^(yes|on|true)$/i.test(found)) return true;
    if (/^(no|off|false)$/i.test(found)) return false;
    return undefined;
  }
  const wantsNumber = /number/.test(info.expected) && found.trim() !== '';
  return wantsNumber && Number.isFinite(Number(found)) ? Number(found) : undefined;
}

function setFix(path: ConfigPath, value: unknown): Fix {
  return { title: `Change ${pathText(path)} to ${show(value)}`, edits: [{ op: 'set', path, value }], preferred: true };
}

function unknownKey(path: ConfigPath, view: View): ConfigProblem {
  const name = String(path.at(-1));
  const foreign = foreignKey(name, path);
  if (foreign)
    return problemAt(foreign.code, foreign.message, foreign.hint, { path, view, fixes: foreign.fixes, part: 'key' });
  const parent = path.slice(0, -1);
  const method = methodTypeOf(view.raw);
  const legal = keysAt(parent, method).map(key => key.name);
  const synonym = synonymOf(name);
  const here = synonym !== undefined && legal.includes(synonym) ? synonym : nearest(name, legal);
  const place = parent.length === 0 ? 'a config' : `\`${pathText(parent)}\``;
  if (here !== undefined) {
    const taken = view.locate([...parent, here]) !== undefined;
    const fixes: Fix[] = taken
      ? []
      : [{ title: `Rename to ${here}`, edits: [{ op: 'rename', path, key: here }], preferred: true }];
    const message = `\`${name}\` is not a key of ${place}. Did you mean \`${here}\`?`;
    return problemAt('config.unknownKey', message, `Legal here: ${list(legal)}.`, { path, view, fixes, part: 'key' });
  }
  return elsewhere({ path, view, name, place, legal, wanted: synonym ?? name, method });
}

interface Stray {
  readonly path: ConfigPath;
  readonly view: View;
  readonly name: string;
  readonly place: string;
  readonly legal: readonly string[];
  readonly wanted: string;
  readonly method?: string;
}

/** A key that is legal in another section or for another method, or nowhere. */
function elsewhere({ path, view, name, place, legal, wanted, method }: Stray): ConfigProblem {
  const remove: Fix = { title: `Remove ${name}`, edits: [{ op: 'remove', path }] };
  const home = pathsOfKey(wanted).find(candidate => candidate[0] !== path[0] || path.length !== 2);
  if (home !== undefined && keyAt(home, method) !== undefined) {
    const value = valueAt(view.raw, path);
    const move: Fix = {
      title: `Move to ${pathText(home)}`,
      edits: [
        { op: 'remove', path },
        { op: 'set', path: home, value },
      ],
    };
    const fixes = view.locate(home) === undefined ? [{ ...move, preferred: true }, remove] : [remove];
    const message = `\`${name}\` is not a key of ${place}; it belongs to \`${pathText(home)}\`.`;
    return problemAt('config.unknownKey', message, 'Move it there.', { path, view, fixes, part: 'key' });
  }
  const otherMethod = path[0] === 'method' && keyAt(['method', wanted]) !== undefined;
  const message = otherMethod
    ? `\`${name}\` does not belong to method type \`${method}\`.`
    : `\`${name}\` is not a key of ${place}.`;
  return problemAt('config.unknownKey', message, `Legal here: ${list(legal)}.`, {
    path,
    view,
    fixes: [remove],
    part: 'key',
  });
}

interface Where {
  readonly path: ConfigPath;
  readonly view: View;
  readonly fixes?: readonly Fix[];
  readonly part?: 'key' | 'value';
}

function problemAt(code: string, message: string, hint: string, where: Where): ConfigProblem {
  const { path, view, fixes = [], part } = where;
  const range = (part && view.locate(path, part)) ?? view.pointAt(path);
  return { code, severity: 'error', message, hint, path, range, fixes };
}

/** `method.type` as written, when it is a text. */
export function methodTypeOf(raw: unknown): string | undefined {
  const type = valueAt(raw, ['method', 'type']);
  return typeof type === 'string' ? type : undefined;
}

/** The plain value at `path`, or undefined. */
export function valueAt(raw: unknown, path: ConfigPath): unknown {
  return path.reduce<unknown>((value, segment) => {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, segment)) return undefined;
    return (value as Record<string | number, unknown>)[segment];
  }, raw);
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'string') return `the text "${value.length > 40 ? `${value.slice(0, 40)}…` : value}"`;
  return typeof value === 'object' ? 'a map' : show(value);
}

function exampleOf(info: KeyInfo | undefined): unknown {
  if (info === undefined) return undefined;
  if (info.name === 'method') return { type: 'lora' };
  if (info.name === 'data') return { train: 'data/train.jsonl' };
  return info.values.at(-1) ?? info.examples[0];
}

function firstSentence(info: KeyInfo | undefined): string {
  return info?.description.split('\n')[0] ?? '';
}

function required(keys: readonly KeyInfo[]): string[] {
  return keys.filter(key => key.required).map(key => key.name);
}

function list(names: readonly string[]): string {
  return names.map(name => `\`${name}\``).join(', ');
}

/** A value as a person would write it. */
export function show(value: unknown): string {
  if (typeof value === 'number') return numberText(value);
  // A text over several lines is shown as one may write it on one.
  return typeof value === 'string' && !/[\n\r\t]/.test(value) ? value : JSON.stringify(value);
}
