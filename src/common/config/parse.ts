import { isAlias, parseDocument, visit, type YAMLError } from 'yaml';
import { issueProblems } from './issues';
import { rangeOf, type ConfigDocument } from './locate';
import type { Fix } from './edits';
import { keysAt } from './keys';
import type { ConfigPath, TextRange } from './range';
import { runConfigSchema, type RunConfig } from './schema';

/** A config larger than this is some other file; in UTF-16 units. The YAML parser's time grows with the square of it. */
export const maxConfigLength = 1 << 16;
/** The YAML parser recurses; a file nested deeper than this could exhaust the stack. A config needs three levels. */
const maxDepth = 100;
const maxProblems = 100;
/** An alias may expand to this many nodes before the file is refused. */
const maxAliasCount = 100;

/** One thing wrong with the text, with the place and what to do. */
export interface ConfigProblem {
  /** `yaml.…`, `config.…`, or the id of the lint rule that the schema enforces (`L10`). */
  readonly code: string;
  readonly severity: 'error' | 'warning';
  readonly message: string;
  readonly hint: string;
  readonly path: ConfigPath;
  readonly range: TextRange;
  readonly fixes: readonly Fix[];
}

/** What a text says, as far as it can be understood. */
export interface ParsedConfig {
  readonly text: string;
  /** Present only when there is no error. */
  readonly value?: RunConfig;
  /** The plain value as written, without defaults. */
  readonly raw: unknown;
  readonly document?: ConfigDocument;
  readonly problems: readonly ConfigProblem[];
  /** Where `path` is written; undefined when it is not. */
  locate(path: ConfigPath, part?: 'key' | 'value'): TextRange | undefined;
  /** Where to point at for `path`: its value, else the key of the nearest parent that is written, else the first line. */
  pointAt(path: ConfigPath): TextRange;
}

/** Reads a config (YAML, or JSON, which is YAML). Never throws: whatever is wrong comes back as problems with ranges. */
export function parseConfig(text: string): ParsedConfig {
  const refused = refuse(text);
  if (refused !== undefined) return unreadable(text, refused);
  try {
    const document = parseDocument(text, {
      stringKeys: true,
      resolveKnownTags: false,
      logLevel: 'error',
      prettyErrors: false,
    });
    const syntax = syntaxProblems(document, text);
    const raw: unknown = syntax.some(isFatal) ? undefined : document.toJS({ maxAliasCount });
    return check({ text, document, raw, syntax });
  } catch (error) {
    return unreadable(text, resourceProblem(error));
  }
}

interface Draft {
  readonly text: string;
  readonly document: ConfigDocument;
  readonly raw: unknown;
  readonly syntax: readonly ConfigProblem[];
}

function check({ text, document, raw, syntax }: Draft): ParsedConfig {
  const view = {
    text,
    document,
    raw,
    locate: (path: ConfigPath, part: 'key' | 'value' = 'value') => rangeOf(document, text, path, part),
    pointAt: (path: ConfigPath) => pointAt(document, text, path),
  };
  if (syntax.some(isFatal)) return { ...view, problems: syntax.slice(0, maxProblems) };
  const result = runConfigSchema.safeParse(withoutEmptySections(raw));
  const found = result.success ? [] : issueProblems(result.error.issues, view);
  const problems = [...syntax, ...found].sort((a, b) => a.range.start - b.range.start).slice(0, maxProblems);
  const value = result.success && syntax.every(problem => problem.severity !== 'error') ? result.data : undefined;
  return { ...view, problems, value };
}

/** A section whose keys are all commented out reads as null; that is the same as leaving it out. */
function withoutEmptySections(raw: unknown): unknown {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) return raw;
  const optional = new Set(keysAt([]).flatMap(key => (key.shape === 'map' && !key.required ? [key.name] : [])));
  return Object.fromEntries(Object.entries(raw).filter(([name, value]) => value !== null || !optional.has(name)));
}

function pointAt(document: ConfigDocument, text: string, path: ConfigPath): TextRange {
  const own = rangeOf(document, text, path, 'value');
  if (own !== undefined) return firstLine(text, own);
  for (let length = path.length - 1; length > 0; length--) {
    const parent = rangeOf(document, text, path.slice(0, length), 'key');
    if (parent !== undefined) return parent;
  }
  return firstLine(text, { start: document.contents?.range?.[0] ?? 0, end: text.length });
}

/** A squiggle under twenty lines says less than one under the first. */
function firstLine(text: string, range: TextRange): TextRange {
  const newline = text.indexOf('\n', range.start);
  const end = newline < 0 ? range.end : Math.min(range.end, newline);
  return { start: range.start, end: Math.max(range.start, end) };
}

function isFatal(problem: ConfigProblem): boolean {
  return problem.severity === 'error' && problem.code !== 'yaml.DUPLICATE_KEY';
}

function syntaxProblems(document: ConfigDocument, text: string): ConfigProblem[] {
  const errors = document.errors.map(error => syntaxProblem(error, text, 'error'));
  const warnings = document.warnings.map(error => syntaxProblem(error, text, 'warning'));
  return [...errors, ...warnings, ...aliasProblems(document)].slice(0, maxProblems);
}

function aliasProblems(document: ConfigDocument): ConfigProblem[] {
  const anchors = new Set<string>();
  const problems: ConfigProblem[] = [];
  visit(document, {
    Node: (_, node) => {
      if (isAlias(node) && !anchors.has(node.source)) {
        const [start, end] = node.range ?? [0, 1];
        const message = `The alias \`*${node.source}\` has no anchor \`&${node.source}\` before it.`;
        problems.push({
          ...fatal('yaml.BAD_ALIAS', message, 'Write the value out, or put it in quotes.', start),
          range: { start, end },
        });
      }
      if (!isAlias(node) && node.anchor !== undefined) anchors.add(node.anchor);
    },
  });
  return problems;
}

const syntaxHelp: Readonly<Record<string, readonly [message: string, hint: string]>> = {
  MULTIPLE_DOCS: ['The file holds more than one YAML document.', 'Remove the `---` line; one file describes one run.'],
  DUPLICATE_KEY: ['This key is written twice in the same map.', 'Remove one of the two.'],
  TAB_AS_INDENT: ['YAML cannot be indented with tabs.', 'Use spaces.'],
  NON_STRING_KEY: ['A key must be a plain name.', 'Write the name before the colon without brackets or braces.'],
  RESOURCE_EXHAUSTION: ['The file is nested too deeply to be read.', 'A config needs three levels.'],
  TAG_RESOLVE_FAILED: ['This YAML tag is not known here.', 'Remove the word that starts with `!`.'],
};

function syntaxProblem(error: YAMLError, text: string, severity: 'error' | 'warning'): ConfigProblem {
  const known = Object.hasOwn(syntaxHelp, error.code) ? syntaxHelp[error.code] : undefined;
  const [message, hint] = known ?? [
    `Not valid YAML: ${error.message}.`,
    'Check indentation, colons and quotes near here.',
  ];
  const start = Math.min(error.pos[0], text.length);
  const end = Math.max(start, Math.min(error.pos[1], text.length));
  return { code: `yaml.${error.code}`, severity, message, hint, path: [], range: { start, end }, fixes: [] };
}

function refuse(text: string): ConfigProblem | undefined {
  if (text.length > maxConfigLength) {
    const message = `The file has ${text.length} characters; a config has at most ${maxConfigLength}.`;
    return fatal('config.tooLarge', message, 'Open the config of a run; data goes into its own JSONL file.', 0);
  }
  const deep = tooDeepAt(text);
  if (deep !== undefined) {
    return fatal('config.tooDeep', 'The file is nested too deeply to be read.', 'A config needs three levels.', deep);
  }
  const broken = text.search(/[\u0000\uFFFD]/);
  if (broken < 0) return undefined;
  const message = 'The file is not UTF-8 text: bytes here could not be read.';
  return fatal('config.encoding', message, 'Save it with encoding UTF-8.', broken);
}

/** Where nesting may pass {@link maxDepth}: by open brackets, by `- - -` on one line, or by indentation. */
function tooDeepAt(text: string): number | undefined {
  const inline = text.search(/(?:[-?:][ \t]+){60}|^[ \t]{200}/m);
  if (inline >= 0) return inline;
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '[' || text[i] === '{') depth++;
    else if ((text[i] === ']' || text[i] === '}') && depth > 0) depth--;
    if (depth > maxDepth) return i;
  }
  return undefined;
}

function resourceProblem(error: unknown): ConfigProblem {
  const detail = error instanceof Error ? error.message : String(error);
  const message = /alias/i.test(detail)
    ? 'Aliases in this file are unresolved or expand to too much.'
    : `The file cannot be read: ${detail}.`;
  return fatal('config.unreadable', message, 'Write the values out instead of referring to them with `*`.', 0);
}

function fatal(code: string, message: string, hint: string, at: number): ConfigProblem {
  return { code, severity: 'error', message, hint, path: [], range: { start: at, end: at + 1 }, fixes: [] };
}

function unreadable(text: string, problem: ConfigProblem): ParsedConfig {
  const start = { start: 0, end: Math.min(1, text.length) };
  const range = { start: Math.min(problem.range.start, text.length), end: Math.min(problem.range.end, text.length) };
  return { text, raw: undefined, problems: [{ ...problem, range }], locate: () => undefined, pointAt: () => start };
}
