import { problem } from '../../../src/common/errors';

/**
 * Translates a Python `re` pattern to JavaScript. The two agree on what module patterns use: characters, classes,
 * groups, alternatives, quantifiers, anchors, lookahead and lookbehind. Python's `(?P<n>…)`, `(?P=n)`, `{,m}`, `\A` and
 * `\Z` are rewritten. Inline flags, `(?#…)`, conditionals, possessive quantifiers and atomic groups are not JavaScript
 * and throw a problem; `\w`, `\d`, `\s` are ASCII here and Unicode there, which makes no difference to module names.
 */
export function pythonPattern(pattern: string, key: string): string {
  const escaped = /\\[\s\S]|\(\?P<|\(\?P=(\w+)\)|\{,(?=\d+\})/g;
  return pattern.replace(escaped, (match, name: string | undefined) => {
    if (match === '\\A') return '^';
    if (match === '\\Z') return '$';
    if (match === '(?P<') return '(?<';
    if (match === '{,') return '{0,';
    if (name !== undefined) return `\\k<${name}>`;
    return plainEscape(match, key, pattern);
  });
}

/** Compiles a pattern that must match a whole text, as with Python's `re.fullmatch`. */
export function fullMatchRegex(pattern: string, key: string): RegExp {
  return compile(`^(?:${pythonPattern(pattern, key)})$`, pattern, key);
}

/** Compiles translated source; a pattern JavaScript does not know is a problem that names the config key. */
export function compile(source: string, pattern: string, key: string): RegExp {
  try {
    return new RegExp(source);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw patternProblem(pattern, key, reason);
  }
}

function plainEscape(match: string, key: string, pattern: string): string {
  const character = match[1];
  if (/[A-Za-z]/.test(character) && !'abfnrtvxuUNdDsSwWbB'.includes(character))
    throw patternProblem(pattern, key, `bad escape ${match}`);
  if (character === 'a') return '\\x07';
  if (character === 'U' || character === 'N')
    throw patternProblem(pattern, key, `the escape ${match} is not supported`);
  return match;
}

function patternProblem(pattern: string, key: string, reason: string) {
  return problem(
    'target.pattern',
    `${key}: "${pattern}" is not a usable regular expression: ${reason}.`,
    'Write it for Python, without inline flags, e.g. ".*\\.(q|v)_proj".',
  );
}
