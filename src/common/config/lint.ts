import { disabledRules } from './disable';
import type { LintFacts } from './facts';
import type { Fix } from './edits';
import { parseConfig, type ParsedConfig } from './parse';
import type { ConfigPath, TextRange } from './range';
import { allRules } from './rules/all';
import { lintContext, type Finding, type Rule, type Severity } from './rule';
import { applyFix } from './fix';

/** One line of the problems view. */
export interface Diagnosis {
  /** Rule id, or the code of a parse problem. */
  readonly code: string;
  readonly severity: Severity;
  readonly message: string;
  readonly hint: string;
  readonly path: ConfigPath;
  readonly range: TextRange;
  readonly fixes: readonly Fix[];
  /** A rule can be switched off by a comment; a parse problem cannot. */
  readonly fromRule: boolean;
}

/** Everything wrong or questionable with a config, in the order of the text. Rules run only on a config without errors. */
export function diagnose(parsed: ParsedConfig, facts: LintFacts = {}): Diagnosis[] {
  const problems = parsed.problems.map(problem => ({ ...problem, fromRule: false }));
  const all = [...problems, ...ruleDiagnoses(parsed, facts)];
  return all.sort((a, b) => a.range.start - b.range.start);
}

function ruleDiagnoses(parsed: ParsedConfig, facts: LintFacts): Diagnosis[] {
  if (parsed.value === undefined) return [];
  const context = lintContext(parsed.value, parsed, facts);
  const isDisabled = disabledRules(parsed.text);
  return allRules
    .flatMap(rule => rule.check(context).map(finding => toDiagnosis(rule, finding, parsed)))
    .filter(({ code, range }) => !isDisabled(code, range.start));
}

function toDiagnosis(rule: Rule, finding: Finding, parsed: ParsedConfig): Diagnosis {
  const { path, part, message, fixes = [] } = finding;
  return {
    code: rule.id,
    severity: finding.severity ?? rule.severity,
    message,
    hint: rule.advice,
    path,
    range: (part && parsed.locate(path, part)) ?? parsed.pointAt(path),
    fixes,
    fromRule: true,
  };
}

/** The text after every preferred fix, one at a time, so that no two of them meet. Stops when a text comes again. */
export function fixAll(text: string, facts: LintFacts = {}): string {
  const seen = new Set([text]);
  let current = text;
  for (;;) {
    const fix = diagnose(parseConfig(current), facts)
      .flatMap(diagnosis => diagnosis.fixes)
      .find(candidate => candidate.preferred === true);
    const next = fix === undefined ? current : applyFix(current, fix);
    if (seen.has(next) || seen.size > maxRounds) return current;
    seen.add(next);
    current = next;
  }
}

/** Each round repairs one thing; a config has fewer keys than this. */
const maxRounds = 100;
