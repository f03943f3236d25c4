import { compile, pythonPattern } from './pythonRegex';

/** A `rank_pattern` or `alpha_pattern`, ready to look module paths up in. */
export interface PatternLookup {
  find(path: string): number | undefined;
  /** Patterns that no look-up has matched first. */
  unused(): string[];
}

/** The value of the first pattern that matches a path from a dot (or its start) to its end (`get_pattern_key`). */
export function patternLookup(patterns: Readonly<Record<string, number>>, key: string): PatternLookup {
  const entries = Object.entries(patterns).map(([pattern, value]) => ({
    pattern,
    value,
    regex: compile(`^(?:.*\\.)?(?:${pythonPattern(pattern, key)})$`, pattern, key),
  }));
  const used = new Set<string>();
  return {
    find: path => {
      const entry = entries.find(candidate => candidate.regex.test(path));
      if (entry) used.add(entry.pattern);
      return entry?.value;
    },
    unused: () => entries.map(entry => entry.pattern).filter(pattern => !used.has(pattern)),
  };
}
