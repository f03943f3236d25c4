import type { LintFacts } from '../../../src/common/config/facts';
import type { Severity } from '../../../src/common/config/rule';

/** A config that triggers the rule (and its place), where it does not, and whether the fixes end it. */
export interface RuleCase {
  readonly id: string;
  readonly bad: Record<string, unknown>;
  readonly good?: Record<string, unknown>;
  readonly facts?: LintFacts;
  readonly goodFacts?: LintFacts;
  readonly at: string;
  readonly severity: Severity;
  readonly fixed?: boolean;
}
